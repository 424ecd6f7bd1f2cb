// Convolutions as correlations: which input pixel and which tap make which output pixel.
#include "kernels/cpu/conv_geometry.h"

#include <algorithm>

namespace gsx::kernels {
namespace {

Axis gather_axis(int out, int pad, int taps, int stride) {
  return {out, 0, 1, -pad, stride, taps, 0, 1};
}

// Output h = phase + j*stride takes taps r = first + m*stride from input j + shift - m.
Axis spread_axis(int out, int pad, int taps, int stride, int phase) {
  Axis a;
  a.count = std::max(0, (out - phase + stride - 1) / stride);
  a.out0 = phase;
  a.out_step = stride;
  const int first = (phase + pad) % stride, shift = (phase + pad - first) / stride;
  a.taps = std::max(0, (taps - first + stride - 1) / stride);
  a.in0 = shift - (a.taps - 1);
  a.tap0 = first + (a.taps - 1) * stride;
  a.tap_step = -stride;
  return a;
}

}  // namespace

std::vector<Correlation> gather_correlations(const Geometry& g) {
  return {{gather_axis(g.small.h, g.top, g.r, g.stride),
           gather_axis(g.small.w, g.left, g.s, g.stride)}};
}

std::vector<Correlation> spread_correlations(const Geometry& g) {
  std::vector<Correlation> all;
  for (int a = 0; a < g.stride; ++a) {
    for (int b = 0; b < g.stride; ++b) {
      const Correlation c = {spread_axis(g.big.h, g.top, g.r, g.stride, a),
                             spread_axis(g.big.w, g.left, g.s, g.stride, b)};
      if (c.y.count > 0 && c.x.count > 0) all.push_back(c);
    }
  }
  return all;
}

}  // namespace gsx::kernels
