// Exact whole numbers of 128 bits, as far as variances of integer sums need them.
#pragma once
#include <cstdint>

#include "gpu.h"

namespace gsx::kernels::GSX_BACKEND {

// high * 2^64 + low, modulo 2^128.
struct Wide {
  uint64_t high, low;
};

__device__ __forceinline__ Wide product(uint64_t a, uint64_t b) {
  const uint64_t a0 = a & 0xffffffffu, a1 = a >> 32, b0 = b & 0xffffffffu, b1 = b >> 32;
  const uint64_t low = a0 * b0;
  const uint64_t middle = a1 * b0 + (low >> 32);  // below 2^64, as is the next one
  const uint64_t other = a0 * b1 + (middle & 0xffffffffu);
  return {a1 * b1 + (middle >> 32) + (other >> 32), other << 32 | (low & 0xffffffffu)};
}

__device__ __forceinline__ Wide product(Wide a, uint64_t b) {
  Wide p = product(a.low, b);
  p.high += a.high * b;
  return p;
}

__device__ __forceinline__ Wide difference(Wide a, Wide b) {
  return {a.high - b.high - (a.low < b.low ? 1 : 0), a.low - b.low};
}

__device__ __forceinline__ int leading_zeros(uint64_t v) {
  const int high = __clz(static_cast<int>(v >> 32));
  return high < 32 ? high : 32 + __clz(static_cast<int>(v));
}

// The nearest double, halves to even, of a number below 2^127.
__device__ __forceinline__ double to_double(Wide a) {
  if (a.high == 0) return static_cast<double>(a.low);
  const int zeros = leading_zeros(a.high), dropped = 64 - zeros;  // 1 .. 63 zeros, as a < 2^127
  uint64_t top = a.high << zeros | a.low >> dropped;
  if (a.low << zeros != 0) top |= 1;  // far below the last digit that a double keeps
  return static_cast<double>(top) * static_cast<double>(uint64_t{1} << dropped);
}

}  // namespace gsx::kernels::GSX_BACKEND
