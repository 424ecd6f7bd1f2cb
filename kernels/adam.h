// One fused Adam step (Kingma & Ba) over a parameter with weight decay coupled into the gradient:
//   d = g + decay * w;  m = beta1 * m + (1 - beta1) * d;  v = beta2 * v + (1 - beta2) * d^2
//   w = w - rate * m / (sqrt(v) * root + eps)
// with rate = lr / (1 - beta1^t) and root = 1 / sqrt(1 - beta2^t). n counts padding lanes: zeros
// stay.
#pragma once
#include "kernels/exec.h"

namespace gsx::kernels {

struct AdamStep {
  float rate, root, beta1, beta2, eps, decay;
};

// A parameter of n floats.
struct AdamTensor {
  int64_t n;
  const float* g;
  float *w, *m, *v;
};

struct AdamKernels {
  void (*step)(Exec&, int64_t n, const AdamStep&, const float* g, float* w, float* m, float* v);
  // The same step for `count` parameters that share no memory; tensors: a host array.
  void (*step_many)(Exec&, int count, const AdamStep&, const AdamTensor* tensors);
  // The same step for a filter, n / ks rows of ks channels, that also finds largest[ks], the
  // largest |w| of each channel after the step: what FakeQuantKernels::weight_scales would read all
  // of w again for. Null on every device but the CPU: work captured there could not tell when they
  // are out of date.
  void (*step_largest)(Exec&, const AdamStep&, const AdamTensor&, int64_t ks, float* largest);
};
extern const AdamKernels cpu_adam;

}  // namespace gsx::kernels
