// Softmax over the counted lanes of rows: y[i] = e^(x[i] - m) / sum of e^(x[j] - m), m the largest
// of the row. Exponentials in float, sums in double.
#pragma once
#include "kernels/exec.h"
#include "kernels/view.h"

namespace gsx::kernels {

struct SoftmaxKernels {
  // Padding lanes of y and gx become zero.
  void (*forward)(Exec&, const Rows&, const float* x, float* y);
  // gx[i] = y[i] * (gy[i] - sum of y[j] gy[j])
  void (*backward)(Exec&, const Rows&, const float* y, const float* gy, float* gx);
};
extern const SoftmaxKernels cpu_softmax;

}  // namespace gsx::kernels
