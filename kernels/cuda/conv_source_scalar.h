// Sources for operands of at most four channels (photos, RGB results), which have no 16-byte
// chunks: threads stand side by side along the tile and copy single floats, slice rows one after
// another.
#pragma once
#include "gpu.h"
#include "kernels/cuda/conv_geometry.h"
#include "kernels/cuda/conv_tile.h"

namespace gsx::kernels::GSX_BACKEND::convolution {

// Which floats of an across_k tile of kExtent columns this thread copies: one column, rows first,
// first + kStep, ...
template <int kExtent, int kDepth, int kThreads>
struct ScalarShare {
  static_assert(kThreads % kExtent == 0);
  static constexpr int kStep = kThreads / kExtent, kCount = kDepth / kStep;

  __device__ static int column() { return static_cast<int>(threadIdx.x) % kExtent; }
  __device__ static int row(int i) { return static_cast<int>(threadIdx.x) / kExtent + i * kStep; }
};

// Copies the next slice into the tile without waiting for it.
template <class Source, class Tile>
requires requires { typename Source::Floats; }
__device__ void copy_slice(Source& source, Tile& tile) {
  using Share = typename Source::Floats;
#pragma unroll 4
  for (int i = 0; i < Share::kCount; ++i) {
    bool valid;
    const float* from = source.next(valid);
    gpu::cp_async4(&tile.words[Share::row(i) * Tile::kChunks * 4 + Share::column()], from, valid);
  }
}

// Input pixels of a correlation as columns of the tile; contraction over (tap, channel), dense.
template <int kExtent, int kDepth, int kThreads>
struct ScalarPixels {
  using Floats = ScalarShare<kExtent, kDepth, kThreads>;
  static constexpr Layout kLayout = Layout::across_k;
  Input<float> in;
  int taps_y, taps_x, top, y, x;
  bool inside;  // most windows are, and their addresses cheaper
  TapCursor cursor;

  __device__ ScalarPixels(const Input<float>& input, const Phase& p, int m0)
      : in(input),
        taps_y(p.y.taps),
        taps_x(p.x.taps),
        cursor(TapCursor::at(Floats::row(0), input.cs, p.x.taps)) {
    const int m = m0 + Floats::column();
    const Place at = p.place(m);
    top = m < p.outputs ? at.image * in.h : -1;
    y = p.y.in0 + at.y * p.y.in_step;
    x = p.x.in0 + at.x * p.x.in_step;
    inside = top >= 0 && in.holds(y, x, taps_y, taps_x);
  }
  __device__ const float* next(bool& valid) {
    valid = top >= 0 && cursor.ty < taps_y;
    const int v = y + cursor.ty, u = x + cursor.tx;
    const float* from = (inside ? in.data + static_cast<int64_t>((top + v) * in.w + u) * in.cs
                                : in.pixel(top, v, u, valid)) +
                        cursor.ch;
    cursor.advance(Floats::kStep, in.cs, taps_x);
    return from;
  }
};

// Filters with channels swapped and at most four output channels: columns of the tile are filter
// input channels, contraction over (tap, filter output channel).
template <int kExtent, int kDepth, int kThreads>
struct ScalarFilter {
  using Floats = ScalarShare<kExtent, kDepth, kThreads>;
  static constexpr Layout kLayout = Layout::across_k;
  Filter<float> w;
  AxisPhase y, x;
  int n;
  TapCursor cursor;

  __device__ ScalarFilter(const Filter<float>& filter, const Phase& p, int n0)
      : w(filter),
        y(p.y),
        x(p.x),
        n(n0 + Floats::column()),
        cursor(TapCursor::at(Floats::row(0), filter.ks, p.x.taps)) {}
  __device__ const float* next(bool& valid) {
    valid = n < w.c && cursor.ty < y.taps;
    const int r = y.tap0 + cursor.ty * y.tap_step, s = x.tap0 + cursor.tx * x.tap_step;
    const float* from = w.row(r, s, n) + cursor.ch;
    cursor.advance(Floats::kStep, w.ks, x.taps);
    return from;
  }
};

}  // namespace gsx::kernels::GSX_BACKEND::convolution
