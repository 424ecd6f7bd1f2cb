// Sums over whole storages (padding lanes are zero and add nothing) -> y[0] = factor * sum.
// Fixed chunks summed in double, then in order: the same bits at any thread count.
#pragma once
#include "kernels/exec.h"

namespace gsx::kernels {

struct ReduceKernels {
  void (*sum)(Exec&, int64_t n, double factor, const float* x, float* y);
  void (*dot)(Exec&, int64_t n, const float* a, const float* b, float* y);
  // ga = g[0] * b
  void (*dot_backward)(Exec&, int64_t n, const float* g, const float* b, float* ga);
};
extern const ReduceKernels cpu_reduce;

}  // namespace gsx::kernels
