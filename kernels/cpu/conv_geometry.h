// The one relation behind both directions of convolution. A `big` and a `small` image meet at taps:
//   small pixel (p, q), tap (r, s)  <->
//   big pixel (p*stride.y - top + r*dilation.y, q*stride.x - left + s*dilation.x)
// conv gathers big -> small, conv_transpose spreads small -> big, and each one's gradient runs the
// other way. Tap weights that map one to the other are w as it is (forward) or transposed
// (backward).
#pragma once
#include <vector>

#include "kernels/conv.h"

namespace gsx::kernels {

struct Geometry {
  View big, small;
  int r = 0, s = 0;
  PerAxis stride = 1, dilation = 1;
  int top = 0, left = 0;
  PadMode pad_mode = PadMode::zero;

  static Geometry of(const ConvShape& shape) {
    const View y = shape.y();
    return {shape.transposed ? y : shape.x,
            shape.transposed ? shape.x : y,
            shape.w.r,
            shape.w.s,
            shape.stride,
            shape.dilation,
            shape.top,
            shape.left,
            shape.pad_mode};
  }
};

// The pixel of [0, n) that position i of a padded axis shows, or -1 where it shows zero.
inline int padded_index(int i, int n, PadMode mode) {
  if (i >= 0 && i < n) return i;
  if (mode == PadMode::zero) return -1;
  if (mode == PadMode::replicate) return i < 0 ? 0 : n - 1;
  return i < 0 ? -i : 2 * n - 2 - i;
}

// One axis of a correlation: output j of `count`, at pixel out0 + j*out_step, is the sum over
// a in [0, taps) of input pixel in0 + j*in_step + a*in_tap times filter tap tap0 + a*tap_step.
struct Axis {
  int count = 0, out0 = 0, out_step = 1;
  int in0 = 0, in_step = 1;
  int taps = 0, tap0 = 0, tap_step = 1;
  int in_tap = 1;

  int reach() const { return (taps - 1) * in_tap + 1; }  // input pixels that the taps span
};

// Gathering is one correlation. Spreading with strides t and u is t*u of them, one per output
// phase, each with its share of the taps in reverse; a phase without taps leaves the bias alone.
struct Correlation {
  Axis y, x;
  int taps() const { return y.taps * x.taps; }
};

std::vector<Correlation> gather_correlations(const Geometry&);
std::vector<Correlation> spread_correlations(const Geometry&);

// Filter values as a correlation reads them: contraction channel c, output channel k of tap (r, s).
template <class T>
struct Weights {
  const T* w = nullptr;
  int c = 0, k = 0;  // contraction and output channels
  int s = 0;         // taps per filter row
  int64_t tap_stride = 0, c_stride = 0, k_stride = 0;

  static Weights forward(const FilterView& f, const T* w) {
    return {w, f.c, f.k, f.s, int64_t{f.c} * f.ks, f.ks, 1};
  }
  static Weights backward(const FilterView& f, const T* w) {
    return {w, f.k, f.c, f.s, int64_t{f.c} * f.ks, 1, f.ks};
  }
  const T* tap(int ri, int si) const { return w + (int64_t{ri} * s + si) * tap_stride; }
};

}  // namespace gsx::kernels
