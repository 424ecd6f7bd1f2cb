// What a parameter's values must be, whichever file they come from.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "models/node.h"

namespace gsx {

// Throws Error naming `where` and the parameter unless every value is finite (as a float, which
// wider types may overflow) and variances and quantiser steps are not negative. Zero is allowed for
// both: a channel that never varies has that variance, a filter of zeros that step.
void check_values(const Parameter&, std::span<const float> values, const std::string& where);

// Files hold PyTorch's order: filters of transposed convolutions have their first two dimensions
// the other way round. The shape that a parameter has there; values [groups*A, B, ...] of shape
// `from` as [groups*B, A, ...], each group by itself; and values in the file's order made the
// parameter's, checked as above.
Shape file_shape(const Parameter&);
std::vector<float> swap_outer(const std::vector<float>& values, const Shape& from, int groups);
void set_file_values(Parameter&, const ContextPtr&, const std::vector<float>& in_file_order,
                     const std::string& where);

}  // namespace gsx
