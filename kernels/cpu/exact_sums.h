// Exact sums of integers and their squares, per channel.
#pragma once
#include <cstdint>

namespace gsx::kernels {

// Adds pixels i < count at y + at[i], `channels` numbers each, a multiple of 8 or at most 4 and
// |number| < 2^30, to sums[c], and the low and high 32 bits of their squares to sums[cs + c] and
// sums[2*cs + c].
void add_exactly(const int32_t* y, const int32_t* at, int count, int channels, uint64_t* sums,
                 int64_t cs);

}  // namespace gsx::kernels
