// Elementwise operations over whole storages (padding lanes included: every function here must map
// zero to zero on them, or the caller restores them). n counts elements including padding.
#pragma once
#include <cstdint>

#include "kernels/exec.h"

namespace gsx::kernels {

struct ElementwiseKernels {
  void (*accumulate)(Exec&, int64_t n, const float* x, float* y);  // y += x
};
extern const ElementwiseKernels cpu_elementwise;

}  // namespace gsx::kernels
