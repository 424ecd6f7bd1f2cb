// What every kernel is handed besides its data: threads, scratch memory, a stream, algorithm
// choice.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/memory.h"
#include "kernels/thread_pool.h"

namespace gsx::kernels {

// Scratch memory of a device that grows to the high-water mark and is reused by all kernels of one
// context. Take memory on the calling thread, before parallel work starts; a Scope gives it back.
class Workspace {
  struct Mark {
    size_t block = 0, used = 0, in_earlier = 0;  // in_earlier: bytes taken from earlier blocks
  };

 public:
  // keeps: memory once taken stays where it is until the end, for captured work that comes back.
  explicit Workspace(const MemoryKernels& memory = cpu_memory, bool keeps = false)
      : memory_(memory), keeps_(keeps) {}
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  ~Workspace();

  // 256-byte aligned, uninitialised; valid until the enclosing Scope ends.
  void* take(size_t bytes);
  template <class T>
  T* take(int64_t count) {
    return static_cast<T*>(take(static_cast<size_t>(count) * sizeof(T)));
  }
  size_t peak_bytes() const { return peak_; }

  class Scope {
   public:
    explicit Scope(Workspace& w) : w_(w), mark_(w.mark_) {}
    ~Scope() { w_.rewind(mark_); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Workspace& w_;
    Mark mark_;
  };

 private:
  struct Block {
    std::byte* data;
    size_t size;
  };
  Block allocate(size_t size);
  void release();
  void rewind(const Mark& mark);

  const MemoryKernels& memory_;
  const bool keeps_;
  std::vector<Block> blocks_;
  Mark mark_;
  size_t peak_ = 0;
};

// How convolutions are computed; `automatic` chooses from the shape alone, so results repeat.
enum class ConvAlgo : uint8_t { automatic, direct, winograd };

// What a GPU's convolutions multiply in: exact FP32 products, or tensor cores whose inputs are
// rounded to 10 (TF32) or 7 (BF16) mantissa bits; sums are FP32. The tensor cores need compute
// capability 8.0. The CPU always computes in FP32.
enum class MathMode : uint8_t { fp32, tf32, bf16 };

class Cublas;
class Cudnn;

class PrepackedWeights;

struct Exec {
  ThreadPool* pool = nullptr;
  Workspace* workspace = nullptr;
  void* stream = nullptr;  // the device's stream (kernels/memory.h)
  ConvAlgo conv_algo = ConvAlgo::automatic;
  MathMode math = MathMode::fp32;
  Cudnn* cudnn = nullptr;    // of Backend::cudnn_conv (kernels/cudnn.h)
  Cublas* cublas = nullptr;  // of Backend::cublas_gram, cublas_linear (kernels/cublas.h)
  // Of a convolution's weights, when they do not change and memory may be spent on that.
  PrepackedWeights* kept = nullptr;
  int isa = 0;  // of the CPU's kernels: a place in isas() (kernels/isa.h)
};

}  // namespace gsx::kernels
