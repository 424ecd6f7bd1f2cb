// The gradient of the filter when the small image has at most four channels (a gradient of an RGB
// result): rows are channels of the big image, columns (tap, small channel), and the sum runs over
// positions of the big image with its padding, so that the few channels multiply by the taps.
#pragma once
#include <type_traits>

#include "gpu.h"
#include "kernels/cuda/conv_weight.h"

namespace gsx::kernels::GSX_BACKEND::convolution {

// Big pixels, padding included, as they lie.
template <int kRows, int kChunks, int kWidth, int kThreads>
struct PaddedSource {
  using Share = convolution::Share<kRows, kChunks, kThreads>;
  static constexpr Layout kLayout = Layout::across_k;
  const WeightGradient& p;
  int begin, end, ch;

  __device__ PaddedSource(const WeightGradient& params, const WeightTile& t)
      : p(params), begin(t.begin), end(t.end), ch(t.m0 + Share::chunk() * kWidth) {}
  __device__ const float* unit(int i, bool& valid) const {
    const int position = begin + Share::row(i);
    const Place at = position_place(p, position);
    valid = position < end && ch < p.big.cs;
    return p.big.pixel(at.image * p.big.h, at.y - p.top, at.x - p.left, valid) + ch;
  }
  __device__ void advance() { begin += kRows; }
};

// The same with at most four channels, float by float.
template <int kExtent, int kDepth, int kThreads>
struct ScalarPadded {
  using Floats = ScalarShare<kExtent, kDepth, kThreads>;
  static constexpr Layout kLayout = Layout::across_k;
  const WeightGradient& p;
  int position, end, ch;

  __device__ ScalarPadded(const WeightGradient& params, const WeightTile& t)
      : p(params), position(t.begin + Floats::row(0)), end(t.end), ch(t.m0 + Floats::column()) {}
  __device__ const float* next(bool& valid) {
    const Place at = position_place(p, position);
    valid = position < end && ch < p.big.cs;
    position += Floats::kStep;
    return p.big.pixel(at.image * p.big.h, at.y - p.top, at.x - p.left, valid) + ch;
  }
};

// Small pixels that see a position through a tap: columns are (tap, channel).
template <int kExtent, int kDepth, int kThreads>
struct ScalarBack {
  using Floats = ScalarShare<kExtent, kDepth, kThreads>;
  static constexpr Layout kLayout = Layout::across_k;
  const WeightGradient& p;
  int position, end, tap, ch, r, s;

  __device__ ScalarBack(const WeightGradient& params, const WeightTile& t)
      : p(params), position(t.begin + Floats::row(0)), end(t.end) {
    const int n = t.n0 + Floats::column();
    tap = n / p.small.cs;
    ch = n - tap * p.small.cs;
    r = tap / p.taps_x;
    s = tap % p.taps_x;
  }
  // The pixel that position i of an axis is seen from, or -1.
  __device__ int seen_from(int i) const {
    const int q = p.by_stride(i < 0 ? 0 : i);
    return i >= 0 && q * p.stride == i ? q : -1;
  }
  __device__ const float* next(bool& valid) {
    const Place at = position_place(p, position);
    valid = position < end && tap < p.taps;
    position += Floats::kStep;
    return p.small.pixel(at.image * p.small.h, seen_from(at.y - r), seen_from(at.x - s), valid) +
           ch;
  }
};

// kScalar: at most four channels in the big image, too.
template <class Shape_, bool kScalar>
struct FewWeightProblem {
  using Shape = Shape_;
  using Params = WeightGradient;
  static constexpr bool kMoments = false;
  using SourceA = std::conditional_t<
      kScalar, ScalarPadded<Shape::kM, Shape::kDepth, Shape::kThreads>,
      PaddedSource<Shape::kDepth, Shape::kM / Shape::kWidth, Shape::kWidth, Shape::kThreads>>;
  using SourceB = ScalarBack<Shape::kN, Shape::kDepth, Shape::kThreads>;
  WeightTile tile;

  __device__ explicit FewWeightProblem(const Params& p) : tile(WeightTile::of<Shape>(p)) {}
  __device__ bool any() const { return true; }
  __device__ int steps() const {
    return (tile.end - tile.begin + Shape::kDepth - 1) / Shape::kDepth;
  }
  __device__ SourceA a(const Params& p) const { return SourceA(p, tile); }
  __device__ SourceB b(const Params& p) const { return SourceB(p, tile); }

  struct Column {
    int64_t at[4];  // negative: not stored
  };
  __device__ Column column(const Params& p, int tile_column) const {
    Column c;
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const int n = tile.n0 + tile_column + j, tap = n / p.small.cs, ch = n - tap * p.small.cs;
      c.at[j] = tap < p.taps ? tap * p.tap_stride + ch * p.small_side.stride : -1;
    }
    return c;
  }
  struct Row {
    float* at;  // null: not stored
    bool real;
  };
  __device__ Row row(const Params& p, int tile_row) const {
    const int ch = tile.m0 + tile_row;
    return {ch < p.big_side.written ? tile.out + ch * p.big_side.stride : nullptr,
            ch < p.big_side.real};
  }
  __device__ static void store(const Params&, const Row& row, const Column& c, const float4& v) {
    if (row.at == nullptr) return;
    const float value[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      if (c.at[j] >= 0) row.at[c.at[j]] = row.real ? value[j] : 0.0f;
    }
  }
};

}  // namespace gsx::kernels::GSX_BACKEND::convolution
