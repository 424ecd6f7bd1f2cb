// Fully connected layer: y[n,o] = bias[o] + sum_f x[n,f] * w[o,f]. All arrays dense, row-major.
#pragma once
#include "kernels/exec.h"

namespace gsx::kernels {

struct LinearShape {
  int n = 0, f = 0, o = 0;
};

struct LinearKernels {
  void (*forward)(Exec&, const LinearShape&, const float* x, const float* w, const float* bias,
                  float* y);
  void (*backward_input)(Exec&, const LinearShape&, const float* gy, const float* w, float* gx);
  // gw (+)= gy^T x; gbias (+)= sum over n of gy. Adds when `accumulate`, else overwrites.
  void (*backward_weight)(Exec&, const LinearShape&, const float* x, const float* gy,
                          bool accumulate, float* gw);
  void (*backward_bias)(Exec&, const LinearShape&, const float* gy, bool accumulate, float* gbias);
};
extern const LinearKernels cpu_linear;

}  // namespace gsx::kernels
