// One-element mathematics shared by every backend: polynomials instead of libm (the same bits on
// every machine), the activations, the quantiser formulas. Branch-free, so that loops over them
// vectorise. Every product that feeds a sum is an explicit fma.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

namespace gsx::kernels {

enum class Activation : uint8_t { none, relu, leaky_relu, tanh, sigmoid };

// Quantised values lo..hi (integers, lo <= 0 <= hi) with step `scale`; see quantized_value().
struct Quantizer {
  float scale = 1, inverse = 1;  // inverse = 1 / scale, rounded
  float lo = 0, hi = 255;
  float clamp_lo = 0, clamp_hi = 255;  // applied first; the straight-through gradient is 1 inside
};

namespace scalar {

GSX_HD inline float from_bits(uint32_t u) {
  float f;
  std::memcpy(&f, &u, sizeof f);
  return f;
}
GSX_HD inline uint32_t to_bits(float f) {
  uint32_t u;
  std::memcpy(&u, &f, sizeof u);
  return u;
}

// These return v itself when it is NaN, so that a diverged value stays visible.
GSX_HD inline float at_least(float v, float lo) { return v < lo ? lo : v; }
GSX_HD inline float at_most(float v, float hi) { return v > hi ? hi : v; }
GSX_HD inline float clamp(float v, float lo, float hi) { return at_most(at_least(v, lo), hi); }

// Nearest integer, halves to even, for |v| < 2^22.
GSX_HD inline float round_half_even(float v) {
  constexpr float kMagic = 12582912.0f;  // 1.5 * 2^23
  return (v + kMagic) - kMagic;
}

// e^x, relative error below 1.2e-7 for x in [-87, 88]; saturates outside.
GSX_HD inline float exp(float x) {
  x = clamp(x, -87.0f, 88.0f);
  const float n = round_half_even(x * 1.44269504f);
  float r = std::fma(n, -0.693145752f, x);  // ln 2 in two parts
  r = std::fma(n, -1.42860677e-6f, r);
  float p = 0.00139517197f;
  p = std::fma(p, r, 0.00836959854f);
  p = std::fma(p, r, 0.0416661873f);
  p = std::fma(p, r, 0.166665122f);
  p = std::fma(p, r, 0.5f);
  const float e = std::fma(p, r * r, r) + 1.0f;
  return e * from_bits(static_cast<uint32_t>(static_cast<int32_t>(n) + 127) << 23);
}

// Natural logarithm of a positive normal number, relative error below 1.5e-7.
GSX_HD inline float log(float x) {
  const uint32_t bits =
      to_bits(x) - 0x3f3504f3u;  // so that the mantissa lies in [sqrt(1/2), sqrt(2))
  const float n = static_cast<float>(static_cast<int32_t>(bits) >> 23);
  const float f = from_bits((bits & 0x007fffffu) + 0x3f3504f3u) - 1.0f;
  float p = 0.0674664006f;
  p = std::fma(p, f, -0.116756521f);
  p = std::fma(p, f, 0.11888162f);
  p = std::fma(p, f, -0.124055892f);
  p = std::fma(p, f, 0.142195523f);
  p = std::fma(p, f, -0.166679963f);
  p = std::fma(p, f, 0.200021192f);
  p = std::fma(p, f, -0.250000089f);
  p = std::fma(p, f, 0.333333135f);
  const float f2 = f * f;
  float tail = std::fma(p * f, f2, -0.5f * f2);
  tail = std::fma(n, 1.42860677e-6f, tail);
  return std::fma(n, 0.693145752f, f + tail);
}

// tanh, relative error below 2e-7.
GSX_HD inline float tanh(float x) {
  const float a = std::fabs(x);
  const float z = x * x;
  float p = 0.00214421074f;
  p = std::fma(p, z, -0.00817916915f);
  p = std::fma(p, z, 0.021701606f);
  p = std::fma(p, z, -0.0539469682f);
  p = std::fma(p, z, 0.133332074f);
  p = std::fma(p, z, -0.333333313f);
  const float small = std::fma(p * z, x, x);
  const float e = exp(-2.0f * a);
  const float large = std::copysign((1.0f - e) / (1.0f + e), x);
  return a < 0.625f ? small : large;
}

// 1 / (1 + e^-x), relative error below 3e-7 for x > -87.
GSX_HD inline float sigmoid(float x) {
  const float e = exp(-std::fabs(x));
  return (x < 0 ? e : 1.0f) / (1.0f + e);
}

// log(1 + e^x) without overflow, relative error below 3e-7 for x > -87.
GSX_HD inline float softplus(float x) {
  const float e = exp(-std::fabs(x));
  const float u = 1.0f + e;
  const float log1p = log(u) + (e - (u - 1.0f)) / u;  // gives back what rounding 1 + e lost
  return at_least(x, 0.0f) + log1p;
}

// cos(2 pi u) for u in [0, 1], relative error below 2e-7 (absolute near zeros: exact reduction).
GSX_HD inline float cos_turns(float u) {
  const float q = round_half_even(4.0f * u);
  const float t = std::fma(q, -0.25f, u);  // [-1/8, 1/8], exact
  const float z = t * t;
  float s = 68.1573029f;
  s = std::fma(s, z, -77.532074f);
  s = std::fma(s, z, 81.6133575f);
  s = std::fma(s, z, -41.3417282f);
  s = std::fma(s, z, 6.28318548f) * t;
  float c = 59.246006f;
  c = std::fma(c, z, -85.4437408f);
  c = std::fma(c, z, 64.9393234f);
  c = std::fma(c, z, -19.7392082f);
  c = std::fma(c, z, 1.0f);
  const int k = static_cast<int>(q) & 3;
  const float v = (k & 1) ? s : c;
  return (k == 1 || k == 2) ? -v : v;
}

// ---- Activations ----

template <Activation A>
GSX_HD inline float activate(float x, float slope) {
  if constexpr (A == Activation::relu) return at_least(x, 0.0f);
  if constexpr (A == Activation::leaky_relu) return x < 0 ? slope * x : x;
  if constexpr (A == Activation::tanh) return tanh(x);
  if constexpr (A == Activation::sigmoid) return sigmoid(x);
  return x;
}

// The derivative, from the input x and the result y = activate(x). At 0: relu 0, leaky_relu slope.
template <Activation A>
GSX_HD inline float activate_slope(float x, float y, float slope) {
  if constexpr (A == Activation::relu) return x > 0 ? 1.0f : 0.0f;
  if constexpr (A == Activation::leaky_relu) return x > 0 ? 1.0f : slope;
  if constexpr (A == Activation::tanh) return std::fma(-y, y, 1.0f);
  if constexpr (A == Activation::sigmoid) return y * (1.0f - y);
  return 1.0f;
}

// ---- Quantisers (PAPER.md 1.3) ----

// The code of v: an integer in a float, and what it stands for.
GSX_HD inline float quantized_value(float v, const Quantizer& q) {
  return clamp(round_half_even(clamp(v, q.clamp_lo, q.clamp_hi) * q.inverse), q.lo, q.hi);
}
GSX_HD inline float quantize(float v, const Quantizer& q) {
  return quantized_value(v, q) * q.scale;
}
// Eq. 9: 1 inside the bounds (inclusive), else 0.
GSX_HD inline float quantize_slope(float v, const Quantizer& q) {
  return ((v >= q.clamp_lo) & (v <= q.clamp_hi)) ? 1.0f : 0.0f;
}

// A weight's code, by division as the paper writes it; s = 0 (an all-zero channel) gives 0.
GSX_HD inline float quantized_weight(float w, float s) {
  return s > 0 ? round_half_even(w / s) : 0.0f;
}

// The integer path's only rounding step: from an exact integer sum to the next layer's code.
// sum * scale + shift in one fma, then the quantiser.
GSX_HD inline float requantized_value(float sum, float scale, float shift, const Quantizer& q) {
  return quantized_value(std::fma(sum, scale, shift), q);
}

}  // namespace scalar

// Calls f.operator()<A>() with the activation as a constant.
template <class F>
void with_activation(Activation a, F&& f) {
  switch (a) {
    case Activation::none: return f.template operator()<Activation::none>();
    case Activation::relu: return f.template operator()<Activation::relu>();
    case Activation::leaky_relu: return f.template operator()<Activation::leaky_relu>();
    case Activation::tanh: return f.template operator()<Activation::tanh>();
    case Activation::sigmoid: return f.template operator()<Activation::sigmoid>();
  }
}

}  // namespace gsx::kernels
