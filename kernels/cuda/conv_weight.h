// The gradient of the filter as a matrix product over pixels. A `big` and a `small` image meet at
// taps: small pixel (p, q) and tap (r, s) at big pixel (p*stride - top + r, q*stride - left + s).
// conv: x is big, gy small; conv_transpose: the other way round. The contraction is cut into parts
// by shape alone; each part writes its own copy of the gradient, which reduce_parts() sums up.
#pragma once
#include <type_traits>

#include "gpu.h"
#include "kernels/cuda/conv_source.h"
#include "kernels/cuda/conv_source_scalar.h"

namespace gsx::kernels::GSX_BACKEND::convolution {

// How one of the two channels of a gradient element is stored.
struct Side {
  int written = 0, real = 0;  // channels stored, and those of them that are not padding
  int64_t stride = 0;         // elements between neighbours
};

struct WeightGradient {
  Input<float> big, small;
  int taps_x = 0, taps = 0, stride = 1, top = 0, left = 0;
  int positions = 0, part_size = 0;  // pixels to sum over; those of one part, a multiple of kDepth
  int grid_h = 0, grid_w = 0;        // the positions of one image
  FastDivide by_w, by_h, by_stride;
  float* parts = nullptr;
  int64_t size = 0, tap_stride = 0;  // elements of a gradient, of a tap
  Side big_side, small_side;
  int tiles_m = 0, tiles_n = 0;
};

// Which part and which tile this block computes.
struct WeightTile {
  int m0, n0, begin, end;
  float* out;

  template <class Shape>
  __device__ static WeightTile of(const WeightGradient& p) {
    const int index = static_cast<int>(blockIdx.x), tile = index / p.tiles_n;
    const int part = tile / p.tiles_m, begin = part * p.part_size;
    const int end = p.positions - begin < p.part_size ? p.positions : begin + p.part_size;
    return {tile % p.tiles_m * Shape::kM, index % p.tiles_n * Shape::kN, begin, end,
            p.parts + part * p.size};
  }
};

__device__ inline Place position_place(const WeightGradient& p, int position) {
  const int row = p.by_w(position), image = p.by_h(row);
  return {image, row - image * p.grid_h, position - row * p.grid_w};
}

// Big pixels that a tap shows to small pixels: rows are small pixels, chunks (tap, channel).
template <int kRows, int kChunks, int kWidth, int kThreads>
struct GatherSource {
  using Share = convolution::Share<kRows, kChunks, kThreads>;
  static constexpr Layout kLayout = Layout::across_k;
  const WeightGradient& p;
  int begin, end, tap, ch, y, x;

  __device__ GatherSource(const WeightGradient& params, const WeightTile& t)
      : p(params), begin(t.begin), end(t.end) {
    const int m = t.m0 + Share::chunk() * kWidth;
    tap = m / p.big.cs;
    ch = m - tap * p.big.cs;
    y = tap / p.taps_x - p.top;
    x = tap % p.taps_x - p.left;
  }
  __device__ const float* unit(int i, bool& valid) const {
    const int position = begin + Share::row(i);
    const Place at = position_place(p, position);
    valid = position < end && tap < p.taps;
    return p.big.pixel(at.image * p.big.h, at.y * p.stride + y, at.x * p.stride + x, valid) + ch;
  }
  __device__ void advance() { begin += kRows; }
};

// The same with at most four channels, float by float.
template <int kExtent, int kDepth, int kThreads>
struct ScalarGather {
  using Floats = ScalarShare<kExtent, kDepth, kThreads>;
  static constexpr Layout kLayout = Layout::across_k;
  const WeightGradient& p;
  int position, end, tap, ch, y, x;

  __device__ ScalarGather(const WeightGradient& params, const WeightTile& t)
      : p(params), position(t.begin + Floats::row(0)), end(t.end) {
    const int m = t.m0 + Floats::column();
    tap = m / p.big.cs;
    ch = m - tap * p.big.cs;
    y = tap / p.taps_x - p.top;
    x = tap % p.taps_x - p.left;
  }
  __device__ const float* next(bool& valid) {
    const Place at = position_place(p, position);
    valid = position < end && tap < p.taps;
    position += Floats::kStep;
    return p.big.pixel(at.image * p.big.h, at.y * p.stride + y, at.x * p.stride + x, valid) + ch;
  }
};

// Small pixels as they lie.
template <int kRows, int kChunks, int kWidth, int kThreads>
struct DirectSource {
  using Share = convolution::Share<kRows, kChunks, kThreads>;
  static constexpr Layout kLayout = Layout::across_k;
  const float* data;
  int begin, end, cs, n;

  __device__ DirectSource(const WeightGradient& p, const WeightTile& t)
      : data(p.small.data),
        begin(t.begin),
        end(t.end),
        cs(p.small.cs),
        n(t.n0 + Share::chunk() * kWidth) {}
  __device__ const float* unit(int i, bool& valid) const {
    const int position = begin + Share::row(i);
    valid = position < end && n < cs;
    return data + static_cast<int64_t>(position) * cs + n;
  }
  __device__ void advance() { begin += kRows; }
};

// Rows are (tap, big channel), columns small channels. kScalar: at most four big channels.
template <class Shape_, bool kScalar>
struct WeightProblem {
  using Shape = Shape_;
  using Params = WeightGradient;
  static constexpr bool kMoments = false;
  using SourceA = std::conditional_t<
      kScalar, ScalarGather<Shape::kM, Shape::kDepth, Shape::kThreads>,
      GatherSource<Shape::kDepth, Shape::kM / Shape::kWidth, Shape::kWidth, Shape::kThreads>>;
  using SourceB =
      DirectSource<Shape::kDepth, Shape::kN / Shape::kWidth, Shape::kWidth, Shape::kThreads>;
  WeightTile tile;

  __device__ explicit WeightProblem(const Params& p) : tile(WeightTile::of<Shape>(p)) {}
  __device__ bool any() const { return true; }
  __device__ int steps() const {
    return (tile.end - tile.begin + Shape::kDepth - 1) / Shape::kDepth;
  }
  __device__ SourceA a(const Params& p) const { return SourceA(p, tile); }
  __device__ SourceB b(const Params& p) const { return SourceB(p, tile); }

  struct Column {
    int n;
  };
  __device__ Column column(const Params&, int tile_column) const { return {tile.n0 + tile_column}; }
  struct Row {
    float* at;  // null: not stored
    bool real;
  };
  __device__ Row row(const Params& p, int tile_row) const {
    const int m = tile.m0 + tile_row, tap = m / p.big.cs, ch = m - tap * p.big.cs;
    const bool stored = tap < p.taps && ch < p.big_side.written;
    return {stored ? tile.out + tap * p.tap_stride + ch * p.big_side.stride : nullptr,
            ch < p.big_side.real};
  }
  __device__ static void store(const Params& p, const Row& row, Column c, const float4& v) {
    if (row.at == nullptr) return;
    const Side& side = p.small_side;
    const float value[4] = {v.x, v.y, v.z, v.w};
    float out[4];
#pragma unroll
    for (int j = 0; j < 4; ++j) out[j] = row.real && c.n + j < side.real ? value[j] : 0.0f;
    if (side.stride == 1) {
      if (c.n >= side.written) return;
      *reinterpret_cast<float4*>(row.at + c.n) = make_float4(out[0], out[1], out[2], out[3]);
    } else {
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        if (c.n + j < side.written) row.at[(c.n + j) * side.stride] = out[j];
      }
    }
  }
};

}  // namespace gsx::kernels::GSX_BACKEND::convolution
