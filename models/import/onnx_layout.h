// Values of an ONNX graph brought into the order that an operation needs.
#pragma once
#include "models/import/onnx_sketch.h"

namespace gsx::onnx_import {

// A node whose axes are the view's dimensions in order, made where there is none yet: [N,C,H,W],
// [N,L,D] or [N,F]. `partner`, a node or -1, is an image that gives the size where dimensions
// repeat and depend on it. Throws Unmapped where our nodes cannot make it.
int settled(Sketch&, const View&, int partner = -1);

// The view with what it repeats left out: dimensions of repeats alone are 1 then.
View without_repeats(const Sketch&, const View&);

// Two values as inputs of an elementwise operation: nodes of one rank whose axes belong together,
// and what the result's dimensions are in terms of its axes.
struct Aligned {
  int x = -1, y = -1;
  std::vector<int> axes;  // of dimension i
};
Aligned aligned(Sketch&, const View& x, const View& y);
// How a node that an elementwise operation made of aligned inputs is seen; dimensions that both
// inputs repeat stay repeated.
View elementwise_view(const Sketch&, int node, const std::vector<int>& axes, const Sizes& extents);

}  // namespace gsx::onnx_import
