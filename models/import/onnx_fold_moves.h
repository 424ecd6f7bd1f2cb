// Folding what moves, gathers, repeats or reduces elements of constants.
#pragma once
#include "models/import/onnx_fold.h"

namespace gsx::onnx_import {

// As fold().
std::vector<ArrayPtr> fold_moves(const OnnxNode&, const std::vector<ArrayPtr>& in);

}  // namespace gsx::onnx_import
