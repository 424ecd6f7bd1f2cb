// Where the 16-byte chunks of a block's operand slices come from. A source belongs to one thread:
// it names the address of each chunk the thread copies (`unit`), and moves on to the next slice of
// the contraction (`advance`). A chunk in shared memory holds kWidth neighbouring channels.
#pragma once
#include "gpu.h"
#include "kernels/cuda/conv_geometry.h"
#include "kernels/cuda/conv_tile.h"

namespace gsx::kernels::GSX_BACKEND::convolution {

// Input pixels of a correlation, one per row of the tile; contraction over (tap, channel).
template <class T, int kRows, int kChunks, int kWidth, int kThreads>
struct PixelSource {
  using Share = convolution::Share<kRows, kChunks, kThreads>;
  static constexpr Layout kLayout = Layout::along_k;
  Input<T> in;
  int taps_y, taps_x;
  TapCursor cursor;
  int top[Share::kCount], y[Share::kCount], x[Share::kCount];  // top < 0: no pixel here

  __device__ PixelSource(const Input<T>& input, const Phase& p, int m0)
      : in(input),
        taps_y(p.y.taps),
        taps_x(p.x.taps),
        cursor(TapCursor::at(Share::chunk() * kWidth, input.cs, p.x.taps)) {
#pragma unroll
    for (int i = 0; i < Share::kCount; ++i) {
      const int m = m0 + Share::row(i);
      const Place at = p.place(m);
      top[i] = m < p.outputs ? at.image * in.h : -1;
      y[i] = p.y.in0 + at.y * p.y.in_step;
      x[i] = p.x.in0 + at.x * p.x.in_step;
    }
  }
  __device__ const T* unit(int i, bool& valid) const {
    valid = top[i] >= 0 && cursor.ty < taps_y;
    return in.pixel(top[i], y[i] + cursor.ty, x[i] + cursor.tx, valid) + cursor.ch;
  }
  __device__ void advance() { cursor.advance(kChunks * kWidth, in.cs, taps_x); }
};

// Filter rows as they lie: rows of the tile are (tap, input channel), chunks are output channels.
template <class T, int kRows, int kChunks, int kWidth, int kThreads>
struct FilterRows {
  using Share = convolution::Share<kRows, kChunks, kThreads>;
  static constexpr Layout kLayout = Layout::across_k;
  Filter<T> w;
  AxisPhase y, x;
  int channels, n;  // channels: with padding, as the pixels have them
  TapCursor cursor[Share::kCount];

  __device__ FilterRows(const Filter<T>& filter, const Phase& p, int padded_channels, int n0)
      : w(filter), y(p.y), x(p.x), channels(padded_channels), n(n0 + Share::chunk() * kWidth) {
#pragma unroll
    for (int i = 0; i < Share::kCount; ++i) {
      cursor[i] = TapCursor::at(Share::row(i), channels, x.taps);
    }
  }
  __device__ const T* unit(int i, bool& valid) const {
    const TapCursor& t = cursor[i];
    valid = n < w.ks && t.ch < w.c && t.ty < y.taps;
    return w.row(y.tap0 + t.ty * y.tap_step, x.tap0 + t.tx * x.tap_step, t.ch) + n;
  }
  __device__ void advance() {
#pragma unroll
    for (int i = 0; i < Share::kCount; ++i) cursor[i].advance(kRows, channels, x.taps);
  }
};

// Filters with their channels swapped: rows of the tile are filter input channels (outputs of this
// correlation), contraction over (tap, filter output channel).
template <class T, int kRows, int kChunks, int kWidth, int kThreads>
struct FilterColumns {
  using Share = convolution::Share<kRows, kChunks, kThreads>;
  static constexpr Layout kLayout = Layout::along_k;
  Filter<T> w;
  AxisPhase y, x;
  int n0;
  TapCursor cursor;

  __device__ FilterColumns(const Filter<T>& filter, const Phase& p, int first)
      : w(filter),
        y(p.y),
        x(p.x),
        n0(first),
        cursor(TapCursor::at(Share::chunk() * kWidth, filter.ks, p.x.taps)) {}
  __device__ const T* unit(int i, bool& valid) const {
    const int n = n0 + Share::row(i);
    valid = n < w.c && cursor.ty < y.taps;
    return w.row(y.tap0 + cursor.ty * y.tap_step, x.tap0 + cursor.tx * x.tap_step, n) + cursor.ch;
  }
  __device__ void advance() { cursor.advance(kChunks * kWidth, w.ks, x.taps); }
};

// Copies the next slice into the tile without waiting for it.
template <class Source, class Tile>
requires requires { typename Source::Share; }
__device__ void copy_slice(Source& source, Tile& tile) {
  using Share = typename Source::Share;
#pragma unroll
  for (int i = 0; i < Share::kCount; ++i) {
    bool valid;
    const auto* from = source.unit(i, valid);
    gpu::cp_async16(&tile.words[Tile::at(Share::row(i), Share::chunk())], from, valid);
  }
  source.advance();
}

}  // namespace gsx::kernels::GSX_BACKEND::convolution
