// Exact sums of integers and their squares, per channel.
#pragma once
#include <cstdint>

namespace gsx::kernels {

// Adds pixels i < count at y + at[i], `channels` numbers each, a multiple of 8 or at most 4 and
// |number| < 2^30, to sums[c], and the low and high 32 bits of their squares to sums[cs + c] and
// sums[2*cs + c].
void add_exactly(const int32_t* y, const int32_t* at, int count, int channels, uint64_t* sums,
                 int64_t cs);

// out = the sums of all workers, `size` numbers each, rows of cs as above: what the low halves of
// squares have beyond 32 bits goes to the high ones, so that equal sums have equal numbers.
inline void merge_exactly(const uint64_t* sums, int64_t workers, int64_t size, int64_t cs,
                          uint64_t* out) {
  for (int64_t i = 0; i < size; ++i) {
    out[i] = 0;
    for (int64_t w = 0; w < workers; ++w) out[i] += sums[w * size + i];
  }
  for (int64_t image = 0; image < size; image += 3 * cs) {
    for (int64_t low = image + cs; low < image + 2 * cs; ++low) {
      out[low + cs] += out[low] >> 32;
      out[low] &= 0xffffffffu;
    }
  }
}

}  // namespace gsx::kernels
