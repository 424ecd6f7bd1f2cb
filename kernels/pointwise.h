// Functions of one element beyond those that a norm's tail knows (Activation in scalar.h): the
// formulas and their derivatives, shared by every backend. Each is a case of two functions here;
// kernels and operations take any of them.
#pragma once
#include "kernels/scalar.h"

namespace gsx::kernels {

enum class Pointwise : uint8_t { clip, silu, hard_swish, gelu, gelu_tanh, softplus };

// The numbers a function takes: clip's bounds a <= b; softplus's beta a > 0 and threshold b; the
// others take none.
struct PointwiseOptions {
  float a = 0, b = 0;
};

namespace scalar {

// The error function, relative error below 2e-7: an odd polynomial below 1, 1 - exp(-x q(x)) from
// there on, both through the true values at Chebyshev's points.
GSX_HD inline float erf(float x) {
  const float t = at_most(std::fabs(x), 4.0f), s = t * t;
  float p = 7.87587506e-05f;
  p = std::fma(p, s, -0.000801686429f);
  p = std::fma(p, s, 0.00518908742f);
  p = std::fma(p, s, -0.026854212f);
  p = std::fma(p, s, 0.112835947f);
  p = std::fma(p, s, -0.376126267f);
  p = std::fma(p, s, 0.128379166f);
  const float small = std::fma(t, p, t);
  float q = -1.09413607e-06f;
  q = std::fma(q, t, 3.52680307e-05f);
  q = std::fma(q, t, -0.000505542167f);
  q = std::fma(q, t, 0.00433147072f);
  q = std::fma(q, t, -0.0252058272f);
  q = std::fma(q, t, 0.107947554f);
  q = std::fma(q, t, 0.634080066f);
  q = std::fma(q, t, 1.12892356f);
  const float large = 1.0f - exp(-t * q);
  return std::copysign(t < 1.0f ? small : large, x);
}

// tanh(sqrt(2/pi) (x + 0.044715 x^3)), which is 1 in a float from 10 on.
GSX_HD inline float gelu_tanh_part(float x) {
  const float u = clamp(x, -10.0f, 10.0f);
  return tanh(0.797884561f * std::fma(0.044715f * u * u, u, u));
}

// clip: x within [a, b]. silu: x sigmoid(x). hard_swish: x min(max(x + 3, 0), 6) / 6. gelu: x times
// the normal distribution's integral up to x; gelu_tanh: its approximation by tanh.
// softplus: log(1 + e^(beta x)) / beta, and x where beta x is above the threshold.
template <Pointwise P>
GSX_HD inline float pointwise(float x, const PointwiseOptions& o) {
  if constexpr (P == Pointwise::clip) return clamp(x, o.a, o.b);
  if constexpr (P == Pointwise::silu) return x * sigmoid(x);
  if constexpr (P == Pointwise::hard_swish) return x * (clamp(x + 3.0f, 0.0f, 6.0f) / 6.0f);
  if constexpr (P == Pointwise::gelu) return 0.5f * x * (1.0f + erf(0.707106781f * x));
  if constexpr (P == Pointwise::gelu_tanh) return 0.5f * x * (1.0f + gelu_tanh_part(x));
  if constexpr (P == Pointwise::softplus) return o.a * x > o.b ? x : softplus(o.a * x) / o.a;
}

// The derivative. At the bounds of clip 1, at -3 and 3 of hard_swish that of the middle piece.
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
    return std::fma(x, density, std::fma(0.5f, erf(0.707106781f * x), 0.5f));
  }
  if constexpr (P == Pointwise::gelu_tanh) {
    const float u = clamp(x, -10.0f, 10.0f), t = gelu_tanh_part(x);
    const float inner = 0.797884561f * std::fma(0.134145f * u, u, 1.0f);
    return std::fma(0.5f * u * std::fma(-t, t, 1.0f), inner, std::fma(0.5f, t, 0.5f));
  }
  if constexpr (P == Pointwise::softplus) return o.a * x > o.b ? 1.0f : sigmoid(o.a * x);
}

}  // namespace scalar

inline constexpr Pointwise kAllPointwise[] = {Pointwise::clip,       Pointwise::silu,
                                              Pointwise::hard_swish, Pointwise::gelu,
                                              Pointwise::gelu_tanh,  Pointwise::softplus};

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
  }
}

}  // namespace gsx::kernels
