// Where computation happens: a device with its threads, memory and scratch space. Created
// explicitly and held by every tensor; there is no global one, so two can run side by side.
//
// What threads may do. Any number of threads may use one context at once: each has scratch of its
// own, memory is handed out under a lock, and operations of one context take turns at its threads
// and at its stream. So inference on one model (Graph::run, Graph::evaluate, translate) is safe
// from several threads while nobody changes the model; training it, loading into it, moving its
// nodes or setting what it requires is for one thread alone, and so is a tensor that somebody
// writes to. What a thread records for backward() is for that thread. While work is captured
// (Context::capture), and with cuDNN or cuBLAS, one thread uses the context.
//
// What contexts share. No choice about computing belongs to the process. Memory does: where it runs
// out, the idle blocks of every context are given back, each under its allocator's lock, and no
// tensor notices (kernels/shortage.h). Versions of tensors and the order of captured operations are
// atomic counters, of which only equality and order count. What a scope says (NoGrad,
// ObserveProfile, the instruction set of a kernel that runs) holds for its thread until the scope
// ends. Tables made once, such as the names of node kinds, never change.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "engine/device.h"
#include "kernels/exec.h"

namespace gsx {

namespace kernels {
struct ConvKernels;
struct GramKernels;
struct LinearKernels;
}  // namespace kernels

// Whose convolutions compute in floating point: ours, or on CUDA devices those of cuDNN, a library
// that is looked for when it is asked for.
enum class ConvProvider : uint8_t { gsx, cudnn };
// Likewise whose matrix products, of Gram matrices and linear layers: ours or those of cuBLAS.
enum class GemmProvider : uint8_t { gsx, cublas };

struct ContextOptions {
  Device device = {};
  int threads = 0;  // 0: as many as the process may run on
  // Of the CPU's kernels, a name among kernels::isas(); empty: the best. Results have the same bits
  // on the same set only.
  std::string isa = {};
  kernels::ConvAlgo conv_algo = kernels::ConvAlgo::automatic;
  kernels::MathMode math = kernels::MathMode::fp32;  // others: GPUs from compute capability 8.0
  ConvProvider conv_provider = ConvProvider::gsx;
  GemmProvider gemm_provider = GemmProvider::gsx;
  // Whether kernels may keep what they made of weights that never change (Graph::freeze): faster,
  // for about four times those weights' memory, eight where gradients pass through. CPU only.
  bool prepack_weights = false;
  bool graphs = true;  // whether repeated work may be captured and replayed (engine/captured.h)
  const kernels::MemoryKernels* memory = nullptr;  // tests: in place of the device's own
};

struct MemoryStats {
  size_t current_bytes = 0;  // held by live tensors
  size_t peak_bytes = 0;     // the most that was, since creation or reset_peak()
  size_t cached_bytes = 0;   // freed by tensors, kept for reuse or by a capture
  size_t workspace_bytes = 0;
};

// Work of a context as a graph of its device, with all memory that the graph uses.
class Capture;
using CapturePtr = std::shared_ptr<const Capture>;

class Context;
using ContextPtr = std::shared_ptr<Context>;

class Context {
 public:
  static std::shared_ptr<Context> create(const ContextOptions& = {});
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  Device device() const;
  int threads() const;
  std::string_view isa() const;             // the name of the instruction set in use on the CPU
  kernels::Exec& exec();                    // the calling thread's; for kernels that it starts
  const kernels::Backend& backend() const;  // the device's kernels (kernels/backend.h)
  // Those of the providers.
  const kernels::ConvKernels& conv() const;
  const kernels::GramKernels& gram() const;
  const kernels::LinearKernels& linear() const;
  // What the providers are: "gsx", "cuDNN 9.1.0", "cuBLAS 13.1.0".
  std::string conv_provider() const;
  std::string gemm_provider() const;
  bool prepacks_weights() const;
  bool host_accessible() const;  // whether host code may follow the tensors' pointers

  // Caching allocator; 64-byte aligned, uninitialised. Thread-safe.
  void* allocate(size_t bytes);
  void deallocate(void* p) noexcept;
  void release_cache();

  // Copies between the host and this device's memory, and within it, in order with its kernels; the
  // host's memory may be used again when they return.
  void upload(const void* host, void* device, size_t bytes);
  void download(const void* device, void* host, size_t bytes);
  void copy(const void* from, void* to, size_t bytes);
  void clear(void* p, size_t bytes);
  // The first `bytes` of each of `rows` rows that start `pitch` bytes apart.
  void clear_rows(void* p, size_t pitch, size_t bytes, int64_t rows);
  void synchronize();  // waits until the device has done everything; throws what went wrong there
  MemoryStats memory() const;
  void reset_peak();

  // What engine/captured.h is made of. While `work` is captured it is not done: its kernels, copies
  // within the device and memory are kept; what it uploads is kept as a constant, and reading what
  // it computes is an Error. Nobody else may use the context meanwhile.
  bool can_capture() const;  // whether the device can, and the options let it
  bool capturing() const;
  static CapturePtr capture(const ContextPtr&, const std::function<void()>& work);
  void replay(const Capture&);

  // Tests: fill fresh memory with NaN, so that an element no kernel wrote shows.
  void set_poison(bool on);

 private:
  friend class Capture;
  explicit Context(const ContextOptions&);
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gsx
