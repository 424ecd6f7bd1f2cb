// Slices, splits, gathers and what joins them: places of one dimension taken in an order. Some
// exporters write reflected borders so, and nearest up-sampling.
#pragma once
#include "models/import/onnx_trace.h"

namespace gsx::onnx_import {

void slice_places(Call&);
void split_places(Call&);
void gather_places(Call&);
void gather_nd(Call&);
// Concat along `dim` of parts of one value: true where these make something that there is a node
// for.
bool joined_places(Call&, int dim);
// Concat along rows or columns (axis 2 or 3) of images that lie as `axes` says.
void join_along(Call&, const std::vector<int>& axes, int axis);

}  // namespace gsx::onnx_import
