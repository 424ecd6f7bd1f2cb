// Losses: means over all counted elements -> y[0].
//   pair   (a, b):      l1 |a - b|, mse (a - b)^2
//   target (x, target): mse (x - t)^2; bce t*softplus(-x) + (1-t)*softplus(x);
//                       hinge_real max(0, 1-x), hinge_fake max(0, 1+x), negative -x (t unused)
// Derivative at a kink: 0. Sums as in reduce.h. gy: one float.
#pragma once
#include "kernels/exec.h"
#include "kernels/view.h"

namespace gsx::kernels {

enum class PairLoss : uint8_t { l1, mse };
enum class TargetLoss : uint8_t { mse, bce, hinge_real, hinge_fake, negative };

struct LossKernels {
  // n counts padding lanes (zero in both), `count` the elements of the mean.
  void (*pair)(Exec&, int64_t n, int64_t count, PairLoss, const float* a, const float* b, float* y);
  // ga = gy * d/da, gb = -ga; either may be null.
  void (*pair_backward)(Exec&, int64_t n, int64_t count, PairLoss, const float* a, const float* b,
                        const float* gy, float* ga, float* gb);
  void (*target)(Exec&, const Rows&, TargetLoss, float target, const float* x, float* y);
  void (*target_backward)(Exec&, const Rows&, TargetLoss, float target, const float* x,
                          const float* gy, float* gx);
};
extern const LossKernels cpu_losses;

}  // namespace gsx::kernels
