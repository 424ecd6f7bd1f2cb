// What a parameter's values must be, whichever file they come from.
#pragma once
#include <span>
#include <string>

#include "models/node.h"

namespace gsx {

// Throws Error naming `where` and the parameter unless every value is finite (as a float, which
// wider types may overflow) and variances and quantiser steps are not negative. Zero is allowed for
// both: a channel that never varies has that variance, a filter of zeros that step.
void check_values(const Parameter&, std::span<const float> values, const std::string& where);

// The shape that a parameter has in files: filters of transposed convolutions lie as PyTorch's do.
Shape file_shape(const Parameter&);
// Gives a parameter the values of a file, in the file's order, after check_values.
// Null context: the values are only checked.
void set_file_values(Parameter&, const ContextPtr&, const std::vector<float>& in_file_order,
                     const std::string& where);
// Its values in the file's order.
std::vector<float> file_values(const Parameter&);

}  // namespace gsx
