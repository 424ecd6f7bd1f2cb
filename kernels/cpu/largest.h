// The largest |value| of every channel, for the scales of quantised weights.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>

namespace gsx::kernels {

// largest[k] = max(largest[k], |w[k]|) over rows of ks floats of which k count; NaNs are passed
// over. Inlined, so that it is compiled for its caller's instruction set.
[[gnu::always_inline]] inline void add_largest(int64_t rows, int64_t k, int64_t ks, const float* w,
                                               float* largest) {
  for (int64_t r = 0; r < rows; ++r, w += ks)
    for (int64_t i = 0; i < k; ++i) largest[i] = std::max(largest[i], std::fabs(w[i]));
}

}  // namespace gsx::kernels
