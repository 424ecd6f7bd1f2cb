// The one place that knows how 4-d activations and convolution filters lie in memory.
#pragma once
#include <cstddef>
#include <cstdint>

namespace gsx::kernels {

// Distance in elements between neighbouring pixels of a c-channel image: c itself up to 4 (RGB
// stays 3), else rounded up to a multiple of 8. The lanes between c and the stride are always zero.
constexpr int channel_stride(int c) { return c <= 4 ? c : (c + 7) / 8 * 8; }

// A batch of images, NHWC with padded channel stride: element (i, y, x, k) is at
// ((i*h + y)*w + x)*cs + k.
struct View {
  int n = 0, h = 0, w = 0, c = 0, cs = 0;

  static constexpr View of(int n, int h, int w, int c) { return {n, h, w, c, channel_stride(c)}; }
  constexpr int64_t pixels() const { return int64_t{n} * h * w; }
  constexpr int64_t plane() const { return int64_t{h} * w; }  // pixels of one image
  constexpr int64_t image() const { return plane() * cs; }    // elements of one image
  constexpr int64_t size() const { return pixels() * cs; }    // elements incl. padding
  constexpr int64_t offset(int i, int y, int x) const {
    return ((int64_t{i} * h + y) * w + x) * cs;
  }
};

// Any storage as rows of cs elements of which the first c count and the rest are padding.
struct Rows {
  int64_t rows = 0, c = 0, cs = 0;

  constexpr int64_t size() const { return rows * cs; }
};

// A convolution filter bank: element (output k, input c, tap r, tap s) is at
// ((r*s_ + s)*c_ + c)*ks + k, output channels innermost and padded with zeros like image channels.
struct FilterView {
  int k = 0, c = 0, r = 0, s = 0, ks = 0;

  static constexpr FilterView of(int k, int c, int r, int s) {
    return {k, c, r, s, channel_stride(k)};
  }
  constexpr int64_t size() const { return int64_t{r} * s * c * ks; }
  constexpr int64_t offset(int ri, int si, int ci) const {
    return ((int64_t{ri} * s + si) * c + ci) * ks;
  }
};

}  // namespace gsx::kernels
