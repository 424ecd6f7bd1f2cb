// Convolutions as correlations: which input pixel and which tap make which output pixel.
#include "kernels/cpu/conv_geometry.h"

#include <algorithm>
#include <numeric>

namespace gsx::kernels {
namespace {

Axis gather_axis(int out, int pad, int taps, int stride, int dilation) {
  return {out, 0, 1, -pad, stride, taps, 0, 1, dilation};
}

// With d the greatest common divisor of stride and dilation, output h = phase + j*stride takes taps
// r = first + m*stride/d from input j + shift - m*dilation/d; none where d does not divide
// phase + pad.
Axis spread_axis(int out, int pad, int taps, int stride, int dilation, int phase) {
  Axis a;
  a.count = std::max(0, (out - phase + stride - 1) / stride);
  a.out0 = phase;
  a.out_step = stride;
  const int divisor = std::gcd(stride, dilation), step = stride / divisor;
  int first = 0;
  while (first < step && (phase + pad - first * dilation) % stride != 0) ++first;
  if (first == step) return a;
  const int shift = (phase + pad - first * dilation) / stride;
  a.taps = std::max(0, (taps - first + step - 1) / step);
  a.in_tap = dilation / divisor;
  a.in0 = shift - (a.taps - 1) * a.in_tap;
  a.tap0 = first + (a.taps - 1) * step;
  a.tap_step = -step;
  return a;
}

}  // namespace

std::vector<Correlation> gather_correlations(const Geometry& g) {
  return {{gather_axis(g.small.h, g.top, g.r, g.stride.y, g.dilation.y),
           gather_axis(g.small.w, g.left, g.s, g.stride.x, g.dilation.x)}};
}

std::vector<Correlation> spread_correlations(const Geometry& g) {
  std::vector<Correlation> all;
  for (int a = 0; a < g.stride.y; ++a) {
    for (int b = 0; b < g.stride.x; ++b) {
      const Correlation c = {spread_axis(g.big.h, g.top, g.r, g.stride.y, g.dilation.y, a),
                             spread_axis(g.big.w, g.left, g.s, g.stride.x, g.dilation.x, b)};
      if (c.y.count > 0 && c.x.count > 0) all.push_back(c);
    }
  }
  return all;
}

}  // namespace gsx::kernels
