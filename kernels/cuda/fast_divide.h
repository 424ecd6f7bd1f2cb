// Division of non-negative ints by a divisor known at launch: one wide multiplication and a shift.
#pragma once
#include <cstdint>

#include "gpu.h"

namespace gsx::kernels::GSX_BACKEND {

// With s = ceil(log2 d), multiplier = ceil(2^(31+s) / d) exceeds the true ratio by less than
// 2^s / 2^(31+s) a unit, so n * multiplier >> (31+s) is n / d for every n < 2^31.
struct FastDivide {
  uint32_t multiplier = 1u << 31;
  int shift = 31;

  static FastDivide by(int divisor) {
    const uint64_t d = static_cast<uint64_t>(divisor > 1 ? divisor : 1);
    FastDivide f;
    while ((uint64_t{1} << (f.shift - 31)) < d) ++f.shift;
    f.multiplier = static_cast<uint32_t>(((uint64_t{1} << f.shift) + d - 1) / d);
    return f;
  }
  __device__ int operator()(int n) const {
    return static_cast<int>((static_cast<uint64_t>(static_cast<uint32_t>(n)) * multiplier) >>
                            shift);
  }
};

}  // namespace gsx::kernels::GSX_BACKEND
