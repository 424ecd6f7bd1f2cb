// The losses of losses.h of one element, and their derivatives: shared by every backend.
#pragma once
#include <cmath>

#include "kernels/losses.h"
#include "kernels/scalar.h"

namespace gsx::kernels::scalar {

template <TargetLoss L>
GSX_HD inline float loss_value(float x, float t) {
  if constexpr (L == TargetLoss::mse) return (x - t) * (x - t);
  if constexpr (L == TargetLoss::bce) return t * softplus(-x) + (1.0f - t) * softplus(x);
  if constexpr (L == TargetLoss::hinge_real) return at_least(1.0f - x, 0.0f);
  if constexpr (L == TargetLoss::hinge_fake) return at_least(1.0f + x, 0.0f);
  return -x;
}

template <TargetLoss L>
GSX_HD inline float loss_slope(float x, float t) {
  if constexpr (L == TargetLoss::mse) return 2.0f * (x - t);
  if constexpr (L == TargetLoss::bce) return sigmoid(x) - t;
  if constexpr (L == TargetLoss::hinge_real) return x < 1.0f ? -1.0f : 0.0f;
  if constexpr (L == TargetLoss::hinge_fake) return x > -1.0f ? 1.0f : 0.0f;
  return -1.0f;
}

template <PairLoss L>
GSX_HD inline double loss_value(float a, float b) {
  const double d = static_cast<double>(a) - b;
  return L == PairLoss::l1 ? std::fabs(d) : d * d;
}

// d/da times g, the gradient of the loss over the count of elements.
template <PairLoss L>
GSX_HD inline float loss_gradient(float a, float b, float g) {
  const float d = a - b;
  if constexpr (L == PairLoss::l1) return d == 0 ? 0.0f : std::copysign(1.0f, d) * g;
  return 2.0f * g * d;
}

}  // namespace gsx::kernels::scalar

namespace gsx::kernels {

// Call f.operator()<L>() with the loss as a constant.
template <class F>
void with_loss(PairLoss l, F&& f) {
  switch (l) {
    case PairLoss::l1: return f.template operator()<PairLoss::l1>();
    case PairLoss::mse: return f.template operator()<PairLoss::mse>();
  }
}
template <class F>
void with_loss(TargetLoss l, F&& f) {
  switch (l) {
    case TargetLoss::mse: return f.template operator()<TargetLoss::mse>();
    case TargetLoss::bce: return f.template operator()<TargetLoss::bce>();
    case TargetLoss::hinge_real: return f.template operator()<TargetLoss::hinge_real>();
    case TargetLoss::hinge_fake: return f.template operator()<TargetLoss::hinge_fake>();
    case TargetLoss::negative: return f.template operator()<TargetLoss::negative>();
  }
}

}  // namespace gsx::kernels
