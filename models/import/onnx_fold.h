// Folding: nodes of an ONNX graph whose inputs are all known, as those that compute shapes.
#pragma once
#include "models/import/onnx_file.h"

namespace gsx::onnx_import {

// Attributes of a node as exporters write them, with ONNX's defaults.
int64_t integer_of(const OnnxNode&, const char* name, int64_t otherwise);
float real_of(const OnnxNode&, const char* name, float otherwise);
std::string text_of(const OnnxNode&, const char* name, const std::string& otherwise);
Dims integers_of(const OnnxNode&, const char* name, const Dims& otherwise = {});

// The axes a node names: in an attribute, as older opsets have it, or as input `which`.
Dims axes_of(const OnnxNode&, const std::vector<ArrayPtr>& in, size_t which);
// An axis from 0 on; Error where there is none of this number.
int64_t axis_of(int64_t axis, size_t rank);
// The shape that Reshape's second input means for an input of `from`.
Dims reshaped(const Dims& from, const Dims& to, bool zero_stays);
// What Slice takes of each dimension: first, last and step of the places.
struct Places {
  int64_t first = 0, count = 0, step = 1;
};
std::vector<Places> sliced(const OnnxNode&, const std::vector<ArrayPtr>& in, const Dims& from);
// Split's parts of a dimension of this extent.
Dims parts_of(const OnnxNode&, const ArrayPtr& sizes, int64_t extent);

// The node's outputs; empty where this operation is not folded. Absent inputs are null.
std::vector<ArrayPtr> fold(const OnnxNode&, const std::vector<ArrayPtr>& in);

}  // namespace gsx::onnx_import
