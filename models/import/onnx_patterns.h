// What exporters write as several operations, recognised in the network that was made of them.
#pragma once
#include <string>
#include <vector>

#include "models/import/onnx_sketch.h"

namespace gsx::onnx_import {

// Joins affine functions; makes SiLU, GELU, hard swish, instance, layer and group norms of their
// parts; gives convolutions the borders in front of them, and norms the scales behind them. Adds a
// note where a divisor has lost its epsilon, which it then gets.
void recognise(Sketch&, int& output, std::vector<std::string>& notes);

}  // namespace gsx::onnx_import
