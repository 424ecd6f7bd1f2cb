// Fills from the counter-based generator: any thread can make any draw, with the CPU's bits.
#include "kernels/philox.h"

#include "kernels/cuda/map.h"
#include "kernels/cuda/tables.h"

namespace gsx::kernels::GSX_BACKEND {

namespace draws {

// Draws first .. first + 3: one block, or parts of two. No indexing by `skip`, which is the same
// for all threads, so that everything stays in registers.
__device__ PhiloxBlock four_draws(PhiloxKey key, uint64_t first) {
  const int skip = static_cast<int>(first % 4);
  PhiloxBlock out = philox_block(key, first / 4);
  if (skip == 0) return out;
  PhiloxBlock next = philox_block(key, first / 4 + 1);
#pragma unroll
  for (int i = 0; i < 3; ++i) {
    if (i >= skip) continue;
    out = {{out.v[1], out.v[2], out.v[3], next.v[0]}};
    next = {{next.v[1], next.v[2], next.v[3], 0}};
  }
  return out;
}

// Uniform numbers lo .. hi, one draw each: a thread makes four, of one block of draws where `first`
// is a multiple of four. Writes 4 bytes per element, 16 at a time where y allows it.
template <int kWidth>
__global__ void __launch_bounds__(kMapThreads)
    uniform_kernel(const PhiloxKey key, const uint64_t first, const float lo, const float hi,
                   const int64_t n, float* y) {
  const int64_t at = map_thread() * 4;
  if (at >= n) return;
  const PhiloxBlock block = four_draws(key, first + static_cast<uint64_t>(at));
  Lanes<4> v;
#pragma unroll
  for (int i = 0; i < 4; ++i) v.value[i] = philox_uniform(block.v[i], lo, hi);
  if (kWidth == 4 && at + 4 <= n) {
    v.store(y + at);
    return;
  }
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    if (at + i < n) y[at + i] = v.value[i];
  }
}

// Normal numbers, two draws each: a thread makes two.
__global__ void __launch_bounds__(kMapThreads)
    normal_kernel(const PhiloxKey key, const uint64_t first, const float mean,
                  const float deviation, const int64_t n, float* y) {
  const int64_t at = map_thread() * 2;
  if (at >= n) return;
  const PhiloxBlock block = four_draws(key, first + 2 * static_cast<uint64_t>(at));
  y[at] = fmaf(deviation, philox_normal(block.v[0], block.v[1]), mean);
  if (at + 1 < n) y[at + 1] = fmaf(deviation, philox_normal(block.v[2], block.v[3]), mean);
}

}  // namespace draws

namespace {

void uniform(Exec& e, PhiloxKey key, uint64_t first, float lo, float hi, int64_t n, float* y) {
  if (n == 0) return;
  gpu::launch("philox_uniform", aligned16(y) ? draws::uniform_kernel<4> : draws::uniform_kernel<1>,
              {map_blocks((n + 3) / 4)}, {kMapThreads}, 0, e.stream, key, first, lo, hi, n, y);
}

void normal(Exec& e, PhiloxKey key, uint64_t first, float mean, float deviation, int64_t n,
            float* y) {
  if (n == 0) return;
  gpu::launch("philox_normal", draws::normal_kernel, {map_blocks((n + 1) / 2)}, {kMapThreads}, 0,
              e.stream, key, first, mean, deviation, n, y);
}

}  // namespace

const PhiloxKernels philox = {uniform, normal};

}  // namespace gsx::kernels::GSX_BACKEND
