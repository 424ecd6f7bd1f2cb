// Grids of quantised files in the network that is being made: which layers the integer program can
// run on them.
#pragma once
#include <string>
#include <vector>

#include "models/import/onnx_sketch.h"

namespace gsx::onnx_import {

// Rounding what lies on that grid already is left out, so that borders reach their convolution.
void drop_repeated_grids(Sketch&, int& output);

// Gives layers whose weights are bytes, and whose input lies on a grid of at most 256 levels,
// quantised weights with the file's steps; all others compute in real numbers, which a note tells
// of. `own`: the file is one of gsx, whose first layer reads the image's own 8 bits.
void settle_grids(Sketch&, int& output, bool own, std::vector<std::string>& notes);

}  // namespace gsx::onnx_import
