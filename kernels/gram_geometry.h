// Gram matrices as convolutions, shared by every backend: G = F F^T is the weight gradient of a 1x1
// convolution of the features with themselves.
#pragma once
#include "kernels/conv.h"

namespace gsx::kernels {

// The 1x1 convolution of one image of v into as many channels.
inline ConvShape gram_conv(const View& v) {
  ConvShape shape;
  shape.x = View::of(1, v.h, v.w, v.c);
  shape.w = FilterView::of(v.c, v.c, 1, 1);
  return shape;
}

// What Gram matrices are divided by, as a factor.
inline double gram_scale(const View& v) {
  return 1.0 / (static_cast<double>(v.c) * static_cast<double>(v.plane()));
}

}  // namespace gsx::kernels
