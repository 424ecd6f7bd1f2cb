// 16-bit floats in their two formats, as bits.
#pragma once
#include <cmath>
#include <cstdint>

#include "tests/ptx/machine/lanes.h"

namespace gsx::ptx {

inline float from_bf16(uint16_t bits) { return std::bit_cast<float>(uint32_t{bits} << 16); }

// To nearest, halves to even; NaN becomes the one canonical NaN.
inline uint16_t to_bf16(float value) {
  if (std::isnan(value)) return 0x7fff;
  const auto bits = std::bit_cast<uint32_t>(value);
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

inline float from_f16(uint16_t bits) {
  const uint32_t sign = uint32_t{bits} >> 15 << 31;
  const uint32_t exponent = bits >> 10 & 31, fraction = bits & 1023;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | fraction << 13);
  const float magnitude = exponent == 0 ? std::ldexp(static_cast<float>(fraction), -24)
                                        : std::ldexp(static_cast<float>(fraction + 1024),
                                                     static_cast<int>(exponent) - 25);
  return sign ? -magnitude : magnitude;
}

inline uint16_t to_f16(float value) {
  if (std::isnan(value)) return 0x7fff;
  const uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  const float magnitude = std::fabs(value);
  if (magnitude >= 65520.0f) return sign | 0x7c00;  // rounds to infinity
  int exponent = 0;
  std::frexp(magnitude, &exponent);
  if (magnitude == 0 || exponent < -13) exponent = -13;  // subnormal numbers share one step
  const auto steps = static_cast<uint32_t>(std::nearbyint(std::ldexp(magnitude, 11 - exponent)));
  const uint32_t bits = (static_cast<uint32_t>(exponent + 13) << 10) + steps;
  return static_cast<uint16_t>(sign | bits);
}

// To 10 fraction bits, halves away from zero, as cvt.rna.tf32 does.
inline uint32_t to_tf32(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  if (!std::isfinite(value)) return std::isnan(value) ? 0x7fffffffu : bits;
  return (bits + 0x1000u) & 0xffffe000u;
}

}  // namespace gsx::ptx
