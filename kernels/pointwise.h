// Functions of one element beyond those that a norm's tail knows (Activation in scalar.h): the
// formulas and their derivatives, shared by every backend. Each is a case of two functions here;
// kernels and operations take any of them.
#pragma once
#include "kernels/scalar.h"

namespace gsx::kernels {

enum class Pointwise : uint8_t { clip, silu, hard_swish, gelu, gelu_tanh, softplus, sqrt };

// The numbers a function takes: clip's bounds a <= b; softplus's beta a > 0 and threshold b; the
// others take none.
struct PointwiseOptions {
  float a = 0, b = 0;
};

namespace scalar {

// The normal distribution's integral up to x, relative error below 5e-6 from x = -7.5 on. The
// smaller of the two tails is found: (1 - erf(t)) / 2 by an odd polynomial below t = |x| / sqrt(2)
// = 1, exp(-x^2 / 2 - q(t)) / 2 from there on, both through the true values at Chebyshev's points.
GSX_HD inline float normal_integral(float x) {
  const float a = std::fabs(x), t = 0.707106781f * a, s = t * t;
  float p = 7.87587506e-05f;
  p = std::fma(p, s, -0.000801686429f);
  p = std::fma(p, s, 0.00518908742f);
  p = std::fma(p, s, -0.026854212f);
  p = std::fma(p, s, 0.112835947f);
  p = std::fma(p, s, -0.376126267f);
  p = std::fma(p, s, 0.128379166f);
  const float near = std::fma(-0.5f, std::fma(t, p, t), 0.5f);
  const float u = at_most(t, 5.5f);
  float q = -9.03939814e-07f;
  q = std::fma(q, u, 2.99743397e-05f);
  q = std::fma(q, u, -0.000446495256f);
  q = std::fma(q, u, 0.00398064567f);
  q = std::fma(q, u, -0.0239817795f);
  q = std::fma(q, u, 0.105370421f);
  q = std::fma(q, u, -0.362717926f);
  q = std::fma(q, u, 1.12677543f);
  q = std::fma(q, u, 0.000596359348f);
  const float far = 0.5f * exp(-std::fma(0.5f * a, a, q));
  const float tail = t < 1.0f ? near : far;
  return x < 0 ? tail : 1.0f - tail;
}

// (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2, which is 0 or 1 in a float beyond 10.
GSX_HD inline float normal_integral_by_tanh(float x) {
  const float u = clamp(x, -10.0f, 10.0f);
  return sigmoid(1.59576912f * std::fma(0.044715f * u * u, u, u));
}

// clip: x within [a, b]. silu: x sigmoid(x). hard_swish: x min(max(x + 3, 0), 6) / 6. gelu: x times
// the normal distribution's integral up to x; gelu_tanh: its approximation by tanh.
// softplus: log(1 + e^(beta x)) / beta, and x where beta x is above the threshold. sqrt: of x, 0
// where x is below.
template <Pointwise P>
GSX_HD inline float pointwise(float x, const PointwiseOptions& o) {
  if constexpr (P == Pointwise::clip) return clamp(x, o.a, o.b);
  if constexpr (P == Pointwise::silu) return x * sigmoid(x);
  if constexpr (P == Pointwise::hard_swish) return x * (clamp(x + 3.0f, 0.0f, 6.0f) / 6.0f);
  if constexpr (P == Pointwise::gelu) return x * normal_integral(x);
  if constexpr (P == Pointwise::gelu_tanh) return x * normal_integral_by_tanh(x);
  if constexpr (P == Pointwise::softplus) return o.a * x > o.b ? x : softplus(o.a * x) / o.a;
  if constexpr (P == Pointwise::sqrt) return std::sqrt(at_least(x, 0.0f));
}

// The derivative. At the bounds of clip 1, at -3 and 3 of hard_swish that of the middle piece, of
// sqrt 0 up to 0.
template <Pointwise P>
GSX_HD inline float pointwise_slope(float x, const PointwiseOptions& o) {
  if constexpr (P == Pointwise::clip) return ((x >= o.a) & (x <= o.b)) ? 1.0f : 0.0f;
  if constexpr (P == Pointwise::silu) {
    const float s = sigmoid(x);
    return s * std::fma(x, 1.0f - s, 1.0f);
  }
  if constexpr (P == Pointwise::hard_swish) {
    const float inside = std::fma(x, 1.0f / 3.0f, 0.5f);
    return x < -3.0f ? 0.0f : (x > 3.0f ? 1.0f : inside);
  }
  if constexpr (P == Pointwise::gelu) {
    const float density = 0.398942280f * exp(-0.5f * x * x);
    return std::fma(x, density, normal_integral(x));
  }
  if constexpr (P == Pointwise::gelu_tanh) {
    const float u = clamp(x, -10.0f, 10.0f), integral = normal_integral_by_tanh(x);
    const float inner = 1.59576912f * std::fma(0.134145f * u, u, 1.0f);
    return std::fma(u * integral * (1.0f - integral), inner, integral);
  }
  if constexpr (P == Pointwise::softplus) return o.a * x > o.b ? 1.0f : sigmoid(o.a * x);
  if constexpr (P == Pointwise::sqrt) return x > 0 ? 0.5f / std::sqrt(x) : 0.0f;
}

}  // namespace scalar

inline constexpr Pointwise kAllPointwise[] = {
    Pointwise::clip,      Pointwise::silu,     Pointwise::hard_swish, Pointwise::gelu,
    Pointwise::gelu_tanh, Pointwise::softplus, Pointwise::sqrt};

// Calls f.operator()<P>() with the function as a constant.
template <class F>
void with_pointwise(Pointwise p, F&& f) {
  switch (p) {
    case Pointwise::clip: return f.template operator()<Pointwise::clip>();
    case Pointwise::silu: return f.template operator()<Pointwise::silu>();
    case Pointwise::hard_swish: return f.template operator()<Pointwise::hard_swish>();
    case Pointwise::gelu: return f.template operator()<Pointwise::gelu>();
    case Pointwise::gelu_tanh: return f.template operator()<Pointwise::gelu_tanh>();
    case Pointwise::softplus: return f.template operator()<Pointwise::softplus>();
    case Pointwise::sqrt: return f.template operator()<Pointwise::sqrt>();
  }
}

}  // namespace gsx::kernels
