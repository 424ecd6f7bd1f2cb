// Which input pixel and which filter tap make which output pixel: the index arithmetic that all
// convolution kernels share.
//
// Every pass is a correlation. Gathering (conv forward, the gradient of conv_transpose) reads input
// j*stride - pad + t for tap t of output j. Spreading (conv_transpose forward, the gradient of
// conv) with stride t falls apart into t*t phases of outputs, each with its own share of the taps,
// so that no tap is visited in vain. Filters are used as they lie, or with input and output
// channels swapped.
#pragma once
#include "gpu.h"
#include "kernels/conv.h"
#include "kernels/cuda/fast_divide.h"

namespace gsx::kernels::GSX_BACKEND::convolution {

// One axis: its outputs, its padding, its filter taps.
struct Axis {
  int out = 0, pad = 0, taps = 0, stride = 1;
  FastDivide by_most, by_least;  // divide by the outputs of a phase: out/stride rounded up, down

  static Axis of(int out, int pad, int taps, int stride, bool spread) {
    const int most = spread ? (out + stride - 1) / stride : out;
    const int least = spread ? out / stride : out;
    return {out, pad, taps, stride, FastDivide::by(most), FastDivide::by(least)};
  }
};

// One axis of one phase: output j of `count` lies at pixel out0 + j*out_step and sums input pixels
// in0 + j*in_step + a with filter taps tap0 + a*tap_step, a in [0, taps).
struct AxisPhase {
  int count, out0, out_step, in0, in_step, taps, tap0, tap_step;
  FastDivide by_count;
};

__device__ inline AxisPhase gather_axis(const Axis& a) {
  return {a.out, 0, 1, -a.pad, a.stride, a.taps, 0, 1, a.by_most};
}

__device__ inline AxisPhase spread_axis(const Axis& a, int phase) {
  const int first = (phase + a.pad) % a.stride, shift = (phase + a.pad) / a.stride;
  const int taps = first < a.taps ? (a.taps - first - 1) / a.stride + 1 : 0;
  const bool longer = phase < a.out % a.stride;
  return {a.out / a.stride + (longer ? 1 : 0),
          phase,
          a.stride,
          shift - (taps - 1),
          1,
          taps,
          first + (taps - 1) * a.stride,
          -a.stride,
          longer ? a.by_most : a.by_least};
}

struct Place {
  int image, y, x;
};

struct Phase {
  AxisPhase y, x;
  int outputs;  // over all images

  __device__ Place place(int output) const {
    const int row = x.by_count(output), image = y.by_count(row);
    return {image, row - image * y.count, output - row * x.count};
  }
};

struct Plan {
  Axis y, x;
  int images = 0;
  bool spread = false;

  __host__ __device__ int phases() const { return spread ? y.stride * x.stride : 1; }
  // The most outputs a phase has.
  int64_t outputs() const {
    const int step = spread ? y.stride : 1;
    return int64_t{images} * ((y.out + step - 1) / step) * ((x.out + step - 1) / step);
  }
  __device__ Phase phase(int index) const {
    Phase p;
    p.y = spread ? spread_axis(y, index / x.stride) : gather_axis(y);
    p.x = spread ? spread_axis(x, index % x.stride) : gather_axis(x);
    p.outputs = images * p.y.count * p.x.count;
    return p;
  }
};

// Position i of an axis of n pixels as it is or mirrored at the ends; zero padding is left outside.
__device__ inline int mirrored(int i, int n, bool reflect) {
  if (!reflect) return i;
  const int j = i < 0 ? -i : i;
  return j < n ? j : 2 * n - 2 - j;
}

template <class T>
struct Input {
  const T* data = nullptr;
  int h = 0, w = 0, c = 0, cs = 0;
  bool reflect = false;

  static Input of(const View& v, const T* data, PadMode mode) {
    return {data, v.h, v.w, v.c, v.cs, mode == PadMode::reflect};
  }
  // The pixel at (y, x) of the padded image whose first row is row `top` of the batch. `valid`
  // turns false where it shows zero; the address must then not be read.
  __device__ const T* pixel(int top, int y, int x, bool& valid) const {
    y = mirrored(y, h, reflect);
    x = mirrored(x, w, reflect);
    valid = valid && static_cast<unsigned>(y) < static_cast<unsigned>(h) &&
            static_cast<unsigned>(x) < static_cast<unsigned>(w);
    return data + static_cast<int64_t>((top + y) * w + x) * cs;
  }
  // Whether the taps of a window that begins at (y, x) all lie in the image itself.
  __device__ bool holds(int y, int x, int taps_y, int taps_x) const {
    return y >= 0 && x >= 0 && y + taps_y <= h && x + taps_x <= w;
  }
};

// Where results go. The gradient of a reflecting convolution is that of the padded image (`wide`):
// pixels inside go to `data`, the border to `ring`, an image of its own that is folded in later.
template <class T>
struct Output {
  T* data = nullptr;
  int h = 0, w = 0, c = 0, cs = 0;
  T* ring = nullptr;
  int top = 0, left = 0, wide_h = 0, wide_w = 0;

  static Output of(const View& v, T* data) {
    Output o;
    o.data = data;
    o.h = o.wide_h = v.h;
    o.w = o.wide_w = v.w;
    o.c = v.c;
    o.cs = v.cs;
    return o;
  }
  __device__ T* pixel(int image, int y, int x) const {
    const int v = y - top, u = x - left;
    const bool inside = static_cast<unsigned>(v) < static_cast<unsigned>(h) &&
                        static_cast<unsigned>(u) < static_cast<unsigned>(w);
    return inside ? data + static_cast<int64_t>((image * h + v) * w + u) * cs
                  : ring + static_cast<int64_t>((image * wide_h + y) * wide_w + x) * cs;
  }
};

// Filter values, R S C K; see FilterView.
template <class T>
struct Filter {
  const T* data = nullptr;
  int k = 0, c = 0, s = 0, ks = 0;

  static Filter of(const FilterView& f, const T* data) { return {data, f.k, f.c, f.s, f.ks}; }
  __device__ const T* row(int r, int t, int channel) const {
    return data + static_cast<int64_t>((r * s + t) * c + channel) * ks;
  }
};

// Walks a contraction over taps and channels: tap (ty, tx) of a phase, channel ch of `channels`.
struct TapCursor {
  int ty, tx, ch;

  __device__ static TapCursor at(int index, int channels, int taps_x) {
    const int tap = index / channels, row = tap / (taps_x > 0 ? taps_x : 1);
    return {row, tap - row * taps_x, index - tap * channels};
  }
  __device__ void advance(int step, int channels, int taps_x) {
    ch += step;
    while (ch >= channels) {
      ch -= channels;
      if (++tx == taps_x) {
        tx = 0;
        ++ty;
      }
    }
  }
};

// All that the kernels of one correlation are handed. `swapped`: input channels are the filter's K.
template <class X, class W, class Sum>
struct Correlation {
  Plan plan;
  Input<X> in;
  Filter<W> w;
  Output<Sum> out;
  const Sum* bias = nullptr;
  bool swapped = false;
  int tiles_m = 0, tiles_n = 0;  // tiles of a phase's pixels and of output channels

  int64_t blocks() const { return int64_t{tiles_m} * plan.phases() * tiles_n; }
};
using FloatCorrelation = Correlation<float, float, float>;
using QuantizedCorrelation = Correlation<int16_t, int8_t, int32_t>;

}  // namespace gsx::kernels::GSX_BACKEND::convolution
