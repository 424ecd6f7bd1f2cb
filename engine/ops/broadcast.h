// What add, sub and mul do where shapes differ.
#pragma once
#include "engine/ops/common.h"

namespace gsx::ops {

// Whether a and b differ in shape but fit; Error where they do not.
bool repeats(const char* op, const Tensor& a, const Tensor& b);
// a op b where repeats() says so, or of one shape.
Tensor broadcast(const char* op, kernels::Arithmetic, const Tensor& a, const Tensor& b);

}  // namespace gsx::ops
