// The one relation behind both directions of convolution. A `big` and a `small` image meet at taps:
//   small pixel (p, q), tap (r, s)  <->  big pixel (p*stride - top + r, q*stride - left + s)
// conv gathers big -> small, conv_transpose spreads small -> big, and each one's gradient runs the
// other way. Tap weights that map one to the other are w as it is (forward) or transposed
// (backward).
#pragma once
#include "kernels/conv.h"

namespace gsx::kernels {

struct Geometry {
  View big, small;
  int r = 0, s = 0, stride = 1, top = 0, left = 0;
  PadMode pad_mode = PadMode::zero;

  static Geometry of(const ConvShape& shape) {
    const View y = shape.y();
    return {shape.transposed ? y : shape.x,
            shape.transposed ? shape.x : y,
            shape.w.r,
            shape.w.s,
            shape.stride,
            shape.top,
            shape.left,
            shape.pad_mode};
  }
};

// The pixel of [0, n) that position i of a padded axis shows, or -1 where it shows zero.
inline int padded_index(int i, int n, PadMode mode) {
  if (i >= 0 && i < n) return i;
  if (mode == PadMode::zero) return -1;
  return i < 0 ? -i : 2 * n - 2 - i;
}

}  // namespace gsx::kernels
