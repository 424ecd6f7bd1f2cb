// The context's memory, copies, stream, threads and captured work; see context.h.
#include "engine/context.h"

#include <cstring>
#include <mutex>
#include <vector>

#include "engine/allocator.h"
#include "engine/error.h"
#include "engine/staging.h"
#include "kernels/backend.h"
#include "kernels/cublas.h"
#include "kernels/cudnn.h"
#include "kernels/isa.h"

namespace gsx {

namespace {

// For destructors: a device that fails then has told whoever waited for it, or will.
template <class F>
void quietly(F&& f) noexcept {
  try {
    f();
  } catch (const std::exception&) {
  }
}

}  // namespace

// What one thread computes with: scratch of its own, and the rest of its context.
struct Lane {
  explicit Lane(const kernels::MemoryKernels& memory) : workspace(memory) {}
  kernels::Workspace workspace;
  kernels::Exec exec;
};

// The lanes of a context. A thread keeps the one it takes first until it ends; the next thread that
// comes then takes it on.
class Lanes : public std::enable_shared_from_this<Lanes> {
 public:
  explicit Lanes(const kernels::MemoryKernels& memory) : memory_(memory) {}

  // The calling thread's.
  Lane& mine();
  void set_exec(const kernels::Exec& exec) { exec_ = exec; }  // of lanes to come but their scratch
  size_t peak_bytes() const;

 private:
  // What a thread has of all contexts; gives it back when the thread ends.
  struct Taken {
    struct One {
      std::weak_ptr<Lanes> of;
      const Lanes* id;
      Lane* lane;
    };
    std::vector<One> all;
    ~Taken();
  };
  Lane& take();

  const kernels::MemoryKernels& memory_;
  kernels::Exec exec_;
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<Lane*> free_;
};

Lane& Lanes::mine() {
  thread_local Taken taken;
  for (const Taken::One& one : taken.all)
    if (one.id == this && !one.of.expired()) return *one.lane;
  std::erase_if(taken.all, [](const Taken::One& one) { return one.of.expired(); });
  taken.all.push_back({weak_from_this(), this, nullptr});
  taken.all.back().lane = &take();
  return *taken.all.back().lane;
}

Lane& Lanes::take() {
  const std::lock_guard lock(mutex_);
  if (free_.empty()) {
    lanes_.push_back(std::make_unique<Lane>(memory_));
    free_.reserve(lanes_.size());  // so that giving back cannot fail
    Lane& lane = *lanes_.back();
    lane.exec = exec_;
    lane.exec.workspace = &lane.workspace;
    return lane;
  }
  Lane& lane = *free_.back();
  free_.pop_back();
  return lane;
}

Lanes::Taken::~Taken() {
  for (const One& one : all) {
    const std::shared_ptr<Lanes> lanes = one.of.lock();
    if (!lanes || !one.lane) continue;
    const std::lock_guard lock(lanes->mutex_);
    lanes->free_.push_back(one.lane);
  }
}

size_t Lanes::peak_bytes() const {
  const std::lock_guard lock(mutex_);
  size_t sum = 0;
  for (const auto& lane : lanes_) sum += lane->workspace.peak_bytes();
  return sum;
}

struct Context::Impl {
  const ContextOptions options;
  const int isa;
  const kernels::Backend& backend;
  const kernels::MemoryKernels& memory;
  void* stream;
  kernels::ThreadPool pool;
  const std::shared_ptr<Lanes> lanes;
  std::unique_ptr<kernels::Cudnn> cudnn;
  std::unique_ptr<kernels::Cublas> cublas;
  std::mutex staging_mutex;
  Staging staging;
  Allocator allocator;
  bool poison = false;
  Capture* capture = nullptr;  // what work goes to at present; null: to the device

  explicit Impl(const ContextOptions& o)
      : options(o),
        isa(place_of(o.isa)),
        backend(backend_of(o.device)),
        memory(o.memory ? *o.memory : backend.memory),
        stream(new_stream()),
        pool(o.threads),
        lanes(std::make_shared<Lanes>(memory)),
        staging(memory, stream),
        allocator(
            memory, keep(o.device),
            memory.allocate == kernels::cpu_memory.allocate ? kernels::split_cpu_block : nullptr) {
    check_math();
    if (o.conv_provider == ConvProvider::cudnn)
      cudnn = open<kernels::Cudnn>(backend.cudnn_conv, "cuDNN", "--conv-provider");
    if (o.gemm_provider == GemmProvider::cublas)
      cublas = open<kernels::Cublas>(backend.cublas_gram, "cuBLAS", "--gemm-provider");
    kernels::Exec exec{&pool, nullptr, stream, o.conv_algo, o.math, cudnn.get(), cublas.get()};
    exec.isa = isa;
    lanes->set_exec(exec);
  }
  ~Impl() {
    quietly([&] { select(); });
    cudnn.reset();
    cublas.reset();
    allocator.release_cache();
    memory.destroy_stream(stream);
  }
  // The emulator looks for accesses beyond what was asked for, so there it is given exact sizes.
  // The processor's memory is everybody's, a GPU's ours.
  static Allocator::Keep keep(const Device& device) {
    if (device.kind == Device::emulated) return Allocator::Keep::nothing;
    return device.kind == Device::cpu ? Allocator::Keep::peak : Allocator::Keep::all;
  }
  static int place_of(const std::string& isa) {
    if (isa.empty()) return 0;
    const std::optional<int> place = kernels::find_isa(isa);
    std::string known;
    for (const std::string_view name : kernels::isas())
      known += (known.empty() ? "" : ", ") + std::string(name);
    GSX_CHECK(place, "isa ", isa, " is not available: this machine and build have ", known,
              "; leave it out to use the best");
    return *place;
  }
  void* new_stream() {
    select();
    return memory.create_stream();
  }
  void check_math() const {
    if (options.math == kernels::MathMode::fp32) return;
    GSX_CHECK(
        options.device.kind != Device::cpu,
        "context: tf32 and bf16 are for CUDA devices, the cpu computes in fp32; give --device "
        "cuda, or leave --math out");
    const kernels::DeviceInfo info = memory.device_info(options.device.index);
    GSX_CHECK(info.major >= 8,
              "context: tf32 and bf16 need a GPU of compute capability 8.0, device ",
              options.device, " is ", info.name, "; compute in fp32");
  }
  // A library whose table the backend has, or has not.
  template <class Library>
  std::unique_ptr<Library> open(const void* table, const char* name, const char* option) const {
    GSX_CHECK(table, "context: ", name, " computes on CUDA devices, not on ", options.device,
              "; compute with ", option, " gsx");
    using kernels::Lookup;
    const bool real = options.device.kind == Device::cuda;
    return std::make_unique<Library>(stream, real ? Lookup::anywhere : Lookup::named);
  }
  // Every call into the device is about the calling thread's current device.
  void select() const { memory.select(options.device.index); }
};

class Capture {
 public:
  explicit Capture(ContextPtr context)
      : context_(std::move(context)),
        in_(*context_->impl_),
        lane_(in_.lanes->mine()),
        workspace_(in_.memory, true) {}
  ~Capture();
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  void make(const std::function<void()>& work);
  void upload(const void* host, void* device, size_t bytes);
  void* graph() const { return graph_; }

 private:
  void end();

  ContextPtr context_;
  Context::Impl& in_;
  Lane& lane_;  // of the thread that captures
  kernels::Workspace workspace_;
  Allocator::Private blocks_;
  std::vector<void*> constants_;  // pinned: what was uploaded
  void* graph_ = nullptr;
};

void Capture::make(const std::function<void()>& work) {
  in_.select();
  in_.memory.begin_capture(in_.stream);
  in_.capture = this;
  in_.allocator.own(&blocks_);
  lane_.exec.workspace = &workspace_;
  try {
    work();
  } catch (...) {
    quietly([&] { end(); });  // what fails now follows from what work() threw
    throw;
  }
  end();
}

void Capture::end() {
  lane_.exec.workspace = &lane_.workspace;
  in_.allocator.own(nullptr);
  in_.capture = nullptr;
  graph_ = in_.memory.end_capture(in_.stream);
}

void Capture::upload(const void* host, void* device, size_t bytes) {
  if (bytes == 0) return;
  constants_.push_back(nullptr);
  constants_.back() = in_.memory.allocate_pinned(bytes);
  std::memcpy(constants_.back(), host, bytes);
  in_.memory.copy(device, constants_.back(), bytes, in_.stream);
}

Capture::~Capture() {
  quietly([&] { in_.select(); });
  quietly([&] { in_.memory.synchronize(in_.stream); });  // the last replay
  if (graph_) in_.memory.destroy_graph(graph_);
  for (void* p : constants_) in_.memory.release_pinned(p);
  in_.allocator.disown(blocks_);
}

Context::Context(const ContextOptions& options) : impl_(std::make_unique<Impl>(options)) {}
Context::~Context() = default;

ContextPtr Context::create(const ContextOptions& options) {
  GSX_CHECK(options.threads >= 0, "context: threads must be at least 0, got ", options.threads);
  return ContextPtr(new Context(options));
}

Device Context::device() const { return impl_->options.device; }
int Context::threads() const { return impl_->pool.size(); }
std::string_view Context::isa() const { return kernels::isas()[static_cast<size_t>(impl_->isa)]; }
kernels::Exec& Context::exec() {
  impl_->select();
  return impl_->lanes->mine().exec;
}
const kernels::Backend& Context::backend() const { return impl_->backend; }
const kernels::ConvKernels& Context::conv() const {
  return impl_->cudnn ? *impl_->backend.cudnn_conv : impl_->backend.conv;
}
const kernels::GramKernels& Context::gram() const {
  return impl_->cublas ? *impl_->backend.cublas_gram : impl_->backend.gram;
}
const kernels::LinearKernels& Context::linear() const {
  return impl_->cublas ? *impl_->backend.cublas_linear : impl_->backend.linear;
}
std::string Context::conv_provider() const {
  return impl_->cudnn ? "cuDNN " + impl_->cudnn->version() : "gsx";
}
bool Context::prepacks_weights() const { return impl_->options.prepack_weights; }
std::string Context::gemm_provider() const {
  return impl_->cublas ? "cuBLAS " + impl_->cublas->version() : "gsx";
}
bool Context::host_accessible() const { return impl_->backend.host_accessible; }

void* Context::allocate(size_t bytes) {
  impl_->select();
  const Allocator::Block block = impl_->allocator.allocate(bytes);
  // All ones are a NaN.
  if (impl_->poison) impl_->memory.fill(block.data, 0xff, block.size, impl_->stream);
  return block.data;
}

void Context::deallocate(void* p) noexcept { impl_->allocator.deallocate(p); }

void Context::release_cache() {
  impl_->select();
  impl_->allocator.release_cache();
}

MemoryStats Context::memory() const {
  MemoryStats s = impl_->allocator.stats();
  s.workspace_bytes = impl_->lanes->peak_bytes();
  return s;
}

void Context::reset_peak() { impl_->allocator.reset_peak(); }

bool Context::can_capture() const { return impl_->options.graphs && impl_->memory.graphs; }
bool Context::capturing() const { return impl_->capture != nullptr; }

CapturePtr Context::capture(const ContextPtr& context, const std::function<void()>& work) {
  GSX_CHECK(context->can_capture(), "context: device ", context->device(),
            " captures no work here; call it instead");
  GSX_CHECK(!context->capturing(), "context: work is being captured already; capture it in one");
  auto capture = std::make_shared<Capture>(context);
  capture->make(work);
  return capture;
}

void Context::replay(const Capture& capture) {
  GSX_CHECK(!this->capturing(), "context: a capture cannot be replayed into another");
  impl_->select();
  impl_->memory.replay(capture.graph(), impl_->stream);
}

void Context::upload(const void* host, void* device, size_t bytes) {
  impl_->select();
  if (host_accessible()) return impl_->memory.copy(device, host, bytes, impl_->stream);
  if (capturing()) return impl_->capture->upload(host, device, bytes);
  std::lock_guard lock(impl_->staging_mutex);
  impl_->staging.upload(host, device, bytes);
}

void Context::download(const void* device, void* host, size_t bytes) {
  GSX_CHECK(!capturing(),
            "context: values cannot be read while the work that makes them is captured; keep the "
            "tensor and read it after a replay");
  impl_->select();
  impl_->memory.copy(host, device, bytes, impl_->stream);
  impl_->memory.synchronize(impl_->stream);
}

void Context::copy(const void* from, void* to, size_t bytes) {
  impl_->select();
  impl_->memory.copy(to, from, bytes, impl_->stream);
}

void Context::clear(void* p, size_t bytes) {
  impl_->select();
  impl_->memory.fill(p, 0, bytes, impl_->stream);
}

void Context::clear_rows(void* p, size_t pitch, size_t bytes, int64_t rows) {
  impl_->select();
  impl_->memory.fill_rows(p, pitch, 0, bytes, static_cast<size_t>(rows), impl_->stream);
}

void Context::synchronize() {
  GSX_CHECK(!capturing(), "context: work that is captured cannot be waited for; replay it first");
  impl_->select();
  impl_->memory.synchronize(impl_->stream);
}

void Context::set_poison(bool on) { impl_->poison = on; }

}  // namespace gsx
