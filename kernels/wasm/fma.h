// a * b + c rounded once, for processors without that instruction, of which WebAssembly is one: its
// C library takes dozens of branches over it. No branch here, so that loops over it vectorise.
#pragma once
#include <cstdint>
#include <cstring>

namespace gsx::kernels::wasm {

// The product of two floats is exact in double. Its sum with c is rounded to odd: where it is not
// exact, towards zero, and then its last bit is set. A double has more than twice the bits of a
// float, so that rounding this to a float is rounding the exact sum (Boldo and Melquiond,
// "Emulation of FMA and correctly rounded sums", 2008).
[[gnu::always_inline]] inline float fma(float a, float b, float c) {
  const double product = static_cast<double>(a) * static_cast<double>(b), addend = c;
  const double sum = product + addend, part = sum - product;
  const double lost = (product - (sum - part)) + (addend - part);  // exact
  int64_t bits, lost_bits;
  std::memcpy(&bits, &sum, sizeof bits);
  std::memcpy(&lost_bits, &lost, sizeof lost_bits);
  const int64_t away = (bits ^ lost_bits) < 0 ? 1 : 0;  // the sum was rounded away from zero
  const bool inexact = (lost < 0) | (lost > 0);         // neither where it is not a number
  bits = inexact ? (bits - away) | 1 : bits;
  double odd;
  std::memcpy(&odd, &bits, sizeof odd);
  return static_cast<float>(odd);
}

}  // namespace gsx::kernels::wasm
