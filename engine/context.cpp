// The context's caching allocator, copies, stream, threads and scratch memory; see context.h.
#include "engine/context.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <vector>

#include "engine/error.h"
#include "engine/staging.h"
#include "kernels/backend.h"
#include "kernels/cudnn.h"

namespace gsx {

namespace {

// Sizes are rounded so that tensors of nearly equal size share cached blocks: at most 1/8 is lost.
size_t rounded(size_t bytes) {
  if (bytes <= 512) return 512;
  size_t step = 64;
  while (step * 16 <= bytes) step *= 2;
  return (bytes + step - 1) / step * step;
}

}  // namespace

struct Context::Impl {
  const ContextOptions options;
  const kernels::Backend& backend;
  const kernels::MemoryKernels& memory;
  void* stream;
  kernels::ThreadPool pool;
  kernels::Workspace workspace;
  std::unique_ptr<kernels::Cudnn> cudnn;
  kernels::Exec exec;
  std::mutex staging_mutex;
  Staging staging;
  mutable std::mutex mutex;
  std::map<size_t, std::vector<void*>> cache;  // by rounded size
  MemoryStats stats;
  bool poison = false;

  explicit Impl(const ContextOptions& o)
      : options(o),
        backend(backend_of(o.device)),
        memory(backend.memory),
        stream(new_stream()),
        pool(o.threads),
        workspace(memory),
        staging(memory, stream) {
    check_math();
    if (o.conv_provider == ConvProvider::cudnn) cudnn = open_cudnn();
    exec = {&pool, &workspace, stream, o.conv_algo, o.math, cudnn.get()};
  }
  ~Impl() {
    select();
    cudnn.reset();
    release();
    memory.destroy_stream(stream);
  }
  void* new_stream() {
    select();
    return memory.create_stream();
  }
  void check_math() const {
    if (options.math == kernels::MathMode::fp32) return;
    const kernels::DeviceInfo info = memory.device_info(options.device.index);
    GSX_CHECK(info.major >= 8,
              "context: tf32 and bf16 need a GPU of compute capability 8.0, device ",
              options.device, " is ", info.name, "; compute in fp32");
  }
  std::unique_ptr<kernels::Cudnn> open_cudnn() const {
    GSX_CHECK(backend.cudnn_conv, "context: cuDNN computes on CUDA devices, not on ",
              options.device, "; compute with --conv-provider gsx");
    using Lookup = kernels::Cudnn::Lookup;
    const bool real = options.device.kind == Device::cuda;
    return std::make_unique<kernels::Cudnn>(stream, real ? Lookup::anywhere : Lookup::named);
  }
  // Every call into the device is about the calling thread's current device.
  void select() const { memory.select(options.device.index); }
  // The emulator looks for accesses beyond what was asked for, so there it is given exact sizes.
  bool caches() const { return options.device.kind != Device::emulated; }
  size_t block_size(size_t bytes) const {
    return caches() ? rounded(bytes) : std::max<size_t>(bytes, 1);
  }

  void release() {
    for (auto& [size, blocks] : cache)
      for (void* p : blocks) memory.release(p);
    cache.clear();
    stats.cached_bytes = 0;
  }
  // A block from the cache, or null.
  void* take(size_t size) {
    std::lock_guard lock(mutex);
    auto it = cache.find(size);
    if (it == cache.end() || it->second.empty()) return nullptr;
    void* p = it->second.back();
    it->second.pop_back();
    stats.cached_bytes -= size;
    return p;
  }
  void* fresh(size_t size) {
    try {
      return memory.allocate(size);
    } catch (const kernels::OutOfMemory&) {
      std::lock_guard lock(mutex);
      release();
    }
    try {
      return memory.allocate(size);
    } catch (const kernels::OutOfMemory& e) {
      fail(e.what(), "; tensors hold ", stats.current_bytes,
           " bytes; smaller pictures or batches need less");
    }
  }
};

Context::Context(const ContextOptions& options) : impl_(std::make_unique<Impl>(options)) {}
Context::~Context() = default;

ContextPtr Context::create(const ContextOptions& options) {
  GSX_CHECK(options.threads >= 0, "context: threads must be at least 0, got ", options.threads);
  return ContextPtr(new Context(options));
}

Device Context::device() const { return impl_->options.device; }
int Context::threads() const { return impl_->pool.size(); }
kernels::Exec& Context::exec() {
  impl_->select();
  return impl_->exec;
}
const kernels::Backend& Context::backend() const { return impl_->backend; }
const kernels::ConvKernels& Context::conv() const {
  return impl_->cudnn ? *impl_->backend.cudnn_conv : impl_->backend.conv;
}
std::string Context::conv_provider() const {
  return impl_->cudnn ? "cuDNN " + impl_->cudnn->version() : "gsx";
}
bool Context::keeps_filters() const { return impl_->options.keep_filters; }
bool Context::host_accessible() const { return impl_->backend.host_accessible; }

void* Context::allocate(size_t bytes) {
  impl_->select();
  const size_t size = impl_->block_size(bytes);
  void* p = impl_->take(size);
  if (!p) p = impl_->fresh(size);
  {
    std::lock_guard lock(impl_->mutex);
    MemoryStats& s = impl_->stats;
    s.current_bytes += size;
    s.peak_bytes = std::max(s.peak_bytes, s.current_bytes);
  }
  if (impl_->poison) impl_->memory.fill(p, 0xff, size, impl_->stream);  // all ones are a NaN
  return p;
}

void Context::deallocate(void* p, size_t bytes) noexcept {
  const size_t size = impl_->block_size(bytes);
  std::lock_guard lock(impl_->mutex);
  impl_->stats.current_bytes -= size;
  if (!impl_->caches()) return impl_->memory.release(p);
  impl_->stats.cached_bytes += size;
  impl_->cache[size].push_back(p);
}

void Context::release_cache() {
  impl_->select();
  std::lock_guard lock(impl_->mutex);
  impl_->release();
}

MemoryStats Context::memory() const {
  std::lock_guard lock(impl_->mutex);
  MemoryStats s = impl_->stats;
  s.workspace_bytes = impl_->workspace.peak_bytes();
  return s;
}

void Context::reset_peak() {
  std::lock_guard lock(impl_->mutex);
  impl_->stats.peak_bytes = impl_->stats.current_bytes;
}

void Context::upload(const void* host, void* device, size_t bytes) {
  impl_->select();
  if (host_accessible()) return impl_->memory.copy(device, host, bytes, impl_->stream);
  std::lock_guard lock(impl_->staging_mutex);
  impl_->staging.upload(host, device, bytes);
}

void Context::download(const void* device, void* host, size_t bytes) {
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
  impl_->select();
  impl_->memory.synchronize(impl_->stream);
}

void Context::set_poison(bool on) { impl_->poison = on; }

}  // namespace gsx
