// Sums over the threads of a warp and of a block as fixed trees: the same bits in whatever order
// the threads run. How sums over whole storages are cut into blocks.
#pragma once
#include <cstdint>

#include "gpu.h"

namespace gsx::kernels::GSX_BACKEND {

constexpr int kWarp = 32;
constexpr unsigned kAllLanes = 0xffffffffu;

// The sum over the 32 lanes of a warp, in every lane; all 32 must call it. At each step the two
// lanes of a pair add the same two values, and additions commute: all lanes end with the same bits.
template <class T>
__device__ __forceinline__ T warp_sum(T v) {
#pragma unroll
  for (int step = kWarp / 2; step > 0; step /= 2) v += __shfl_xor_sync(kAllLanes, v, step);
  return v;
}

// What block_sum keeps in shared memory.
template <class T, int kThreads>
struct BlockSums {
  static_assert(kThreads % kWarp == 0 && kThreads <= kWarp * kWarp);
  T warps[kThreads / kWarp];
};

// The sum over the kThreads threads of a block along x, in every thread; all must call it.
// Hazard: every warp reads all warps' sums after the second barrier, and a fast warp may be back
// here for the next sum while a slow one still reads. The first barrier holds it until all have
// read; it also makes it safe for `shared` to lie over memory that the block used before.
template <class T, int kThreads>
__device__ __forceinline__ T block_sum(BlockSums<T, kThreads>& shared, T v) {
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  v = warp_sum(v);
  __syncthreads();
  if (lane == 0) shared.warps[warp] = v;
  __syncthreads();
  return warp_sum(lane < kThreads / kWarp ? shared.warps[lane] : T{0});
}

// One value per thread as a fixed tree, a tree per column: halves onto each other, until `rows`
// rows of `columns` columns are one, in values[0 .. columns). Hazard: rows below `half` are written
// while those from it on are read; the barrier before each step makes the step before complete.
template <class T>
__device__ void add_thread_rows(T* values, int rows, int columns) {
  const int thread = static_cast<int>(threadIdx.x);
  while (rows > 1) {
    const int half = (rows + 1) / 2;
    __syncthreads();
    if (thread < (rows - half) * columns) values[thread].add(values[thread + half * columns]);
    rows = half;
  }
  __syncthreads();
}

// A sum over n elements is cut into `count` chunks of `size`, one per block, by n alone: enough to
// fill a large device, few enough for one block to add up what they give.
struct Chunks {
  int64_t size, count;

  static Chunks of(int64_t n, int64_t least = 4096, int64_t most_chunks = 1024) {
    const int64_t wanted = (n + most_chunks - 1) / most_chunks;
    const int64_t size = (wanted + least - 1) / least * least;
    const int64_t chunk = size > 0 ? size : least;
    return {chunk, n > 0 ? (n + chunk - 1) / chunk : 1};
  }
};

}  // namespace gsx::kernels::GSX_BACKEND
