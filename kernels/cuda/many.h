// One launch for many small tensors: their descriptions travel with the launch, and every tensor
// owns a range of the blocks.
#pragma once
#include <cstdint>

#include "gpu.h"
#include "kernels/cuda/conv_lanes.h"
#include "kernels/exec.h"

namespace gsx::kernels::GSX_BACKEND {

constexpr int kMostTensors = 64;  // 64 descriptions of 48 bytes fit a kernel's 4096
constexpr int kManyThreads = 256;
constexpr int kManyElements = 4 * kManyThreads;  // of one tensor, per block

// T has a member n, the number of elements.
template <class T>
struct Many {
  int ends[kMostTensors];  // blocks of tensors 0 ... t
  T tensors[kMostTensors];

  // The tensor that a block works for; unused ends lie beyond all blocks.
  __device__ __forceinline__ int of_block(int block) const {
    int t = 0;
#pragma unroll
    for (int step = kMostTensors / 2; step > 0; step /= 2) {
      if (block >= ends[t + step - 1]) t += step;
    }
    return t;
  }
  // The first of the (up to) four neighbouring elements that are this thread's.
  __device__ __forceinline__ int64_t first_element(int t) const {
    const int block = static_cast<int>(blockIdx.x) - (t > 0 ? ends[t - 1] : 0);
    return int64_t{block} * kManyElements + static_cast<int>(threadIdx.x) * 4;
  }
};

// Whether elements at.. at + 3 exist and can be moved as float4.
__device__ __forceinline__ bool whole(int64_t at, int64_t n, const float* a, const float* b,
                                      const float* c) {
  const auto bits = reinterpret_cast<uintptr_t>(a) | reinterpret_cast<uintptr_t>(b) |
                    reinterpret_cast<uintptr_t>(c);
  return at + 4 <= n && bits % 16 == 0;
}

// Launches kernel(Many<T>, args...) as often as it takes; tensors: `count` descriptions on the
// host.
template <class T, class Kernel, class... Args>
void launch_many(const char* name, Kernel kernel, Exec& e, int count, const T* tensors,
                 const Args&... args) {
  constexpr int64_t kMostBlocks = int64_t{1} << 30;
  for (int at = 0; at < count;) {
    Many<T> many{};
    int used = 0;
    int64_t blocks = 0;
    for (; at < count && used < kMostTensors; ++at) {
      const int64_t own = (tensors[at].n + kManyElements - 1) / kManyElements;
      if (own == 0) continue;
      if (blocks > 0 && blocks + own > kMostBlocks) break;
      blocks += own;
      many.ends[used] = static_cast<int>(blocks);
      many.tensors[used++] = tensors[at];
    }
    if (used == 0) return;
    for (int t = used; t < kMostTensors; ++t) many.ends[t] = INT32_MAX;
    gpu::launch(name, kernel, {blocks}, {kManyThreads}, 0, e.stream, many, args...);
  }
}

}  // namespace gsx::kernels::GSX_BACKEND
