// Gram matrices, one per image: y[n,c,d] = sum over pixels of x[n,p,c] * x[n,p,d] / (c*h*w).
// x: v, NHWC padded. y: dense [n, c, c].
#pragma once
#include "kernels/exec.h"
#include "kernels/view.h"

namespace gsx::kernels {

struct GramKernels {
  void (*forward)(Exec&, const View&, const float* x, float* y);
  // gx[n,p,c] = sum_d (gy[n,c,d] + gy[n,d,c]) * x[n,p,d] / (c*h*w)
  void (*backward)(Exec&, const View&, const float* x, const float* gy, float* gx);
};
extern const GramKernels cpu_gram;

}  // namespace gsx::kernels
