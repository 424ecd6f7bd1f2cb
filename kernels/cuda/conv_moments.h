// The mean and variance of what a correlation gives, taken while its outputs are in registers:
// instance norm then need not read them once more.
//
// A piece is the pixels of one warp, kWarpM in a row of a phase's, over all images. What it has of
// one image are three floats per channel: an output of its own, the mean of d = output - that one,
// and the sum of (d - mean)^2. Of several images each is at least a piece large, so a piece touches
// two at most; its part of image i lies in slot piece + i, and so no two parts lie in one.
#pragma once
#include "gpu.h"
#include "kernels/cuda/conv_geometry.h"

namespace gsx::kernels::GSX_BACKEND::convolution {

struct MomentCorrelation : FloatCorrelation {
  float* moments = nullptr;  // [phase, slot, 3, out.cs]: output, mean, spread
  int slots = 0;             // of a phase
};

// Joins what the rows of a warp have, of four columns a lane. Lanes that differ in bits of
// kRowLanes only have the same columns, of different rows; each is left with one column, 2a + b,
// where a and b say whether its lowest two bits of kRowLanes are set. Lanes without others of these
// bits have it of all rows.
template <int kRowLanes>
struct AcrossRows {
  static constexpr int kFirst = kRowLanes & -kRowLanes, kLater = kRowLanes - kFirst;
  static constexpr int kSecond = kLater & -kLater, kRest = kLater - kSecond;
  // Of each step, by its bit's number: the share of the other lane's rows, and own rows times it.
  float share[5] = {}, weight[5] = {};

  struct Part {
    float mean, spread;  // of some rows: the sum of (d - mean)^2
  };

  // rows: how many this lane has.
  __device__ __forceinline__ explicit AcrossRows(float rows) {
#pragma unroll
    for (int step = 0; step < 5; ++step) {
      if (!(kRowLanes >> step & 1)) continue;
      const float others = other(rows, step), all = rows + others;
      share[step] = all > 0 ? others / all : 0.0f;
      weight[step] = rows * share[step];
      rows = all;
    }
  }
  __device__ __forceinline__ static float pick(int lane, const float (&v)[4]) {
    const float low = lane & kSecond ? v[1] : v[0], high = lane & kSecond ? v[3] : v[2];
    return lane & kFirst ? high : low;
  }
  __device__ __forceinline__ Part join(int lane, const Part (&v)[4]) const {
    constexpr int kAt = number(kFirst), kThen = number(kSecond);
    const Part a = halved(lane, v[0], v[2], kAt), b = halved(lane, v[1], v[3], kAt);
    Part p = halved(lane, a, b, kThen);
#pragma unroll
    for (int step = 0; step < 5; ++step) {
      if (kRest >> step & 1) p = with(p, {other(p.mean, step), other(p.spread, step)}, step);
    }
    return p;
  }

 private:
  static constexpr int number(int bit) { return bit > 1 ? 1 + number(bit / 2) : 0; }
  __device__ __forceinline__ static float other(float v, int step) {
    return __shfl_xor_sync(0xffffffffu, v, 1 << step);
  }
  // Lanes with the bit keep `high`, those without `low`; they send each other what they don't.
  __device__ __forceinline__ Part halved(int lane, const Part& low, const Part& high,
                                         int step) const {
    const bool up = lane >> step & 1;
    const float mean = up ? low.mean : high.mean, spread = up ? low.spread : high.spread;
    return with({up ? high.mean : low.mean, up ? high.spread : low.spread},
                {other(mean, step), other(spread, step)}, step);
  }
  __device__ __forceinline__ Part with(const Part& own, const Part& theirs, int step) const {
    const float d = theirs.mean - own.mean;
    return {fmaf(d, share[step], own.mean), fmaf(d * d, weight[step], own.spread + theirs.spread)};
  }
};

// The part of a warp's piece in rows [begin, end), to `to`, where the slot of the problem's first
// column is. A part begins at the piece's first row or ends at its last, `at_end`; that row's
// outputs are the ones that others are counted from.
template <class Product, class Problem>
__device__ __forceinline__ void reduce_part(const Problem& problem,
                                            const typename Problem::Params& params,
                                            Product& product, int begin, int end, bool at_end,
                                            float* to) {
  using Shape = typename Problem::Shape;
  using Rows = AcrossRows<Product::kRowLanes>;
  const int lane = Shape::lane();
  const int from = at_end ? lane | Product::kRowLanes : lane & ~Product::kRowLanes;
  const auto inside = [&](int i) {
    const int row = Product::row(i) - Shape::warp_m();
    return row >= begin && row < end;
  };
  float count = 0;
#pragma unroll
  for (int i = 0; i < Shape::kRows; ++i) count += inside(i) ? 1.0f : 0.0f;
  const Rows rows(count);
  const float inverse = 1 / fmaxf(count, 1);
#pragma unroll
  for (int q = 0; q < Product::kQuads; ++q) {
    float origin[4];
    typename Rows::Part part[4];
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const float first = product.outputs(0, q)[j], last = product.outputs(Shape::kRows - 1, q)[j];
      origin[j] = __shfl_sync(0xffffffffu, at_end ? last : first, from);
      float sum = 0, spread = 0;
#pragma unroll
      for (int i = 0; i < Shape::kRows; ++i) {
        sum += inside(i) ? product.outputs(i, q)[j] - origin[j] : 0.0f;
      }
      const float mean = sum * inverse;
#pragma unroll
      for (int i = 0; i < Shape::kRows; ++i) {
        const float d = inside(i) ? product.outputs(i, q)[j] - origin[j] - mean : 0.0f;
        spread = fmaf(d, d, spread);
      }
      part[j] = {mean, spread};
    }
    const auto all = rows.join(lane, part);
    const int column = (lane & Rows::kFirst ? 2 : 0) + (lane & Rows::kSecond ? 1 : 0);
    const int n = problem.n0 + Product::column(q) + column;
    if (!(lane & Rows::kRest) && n < params.out.cs) {
      to[n] = Rows::pick(lane, origin);
      to[params.out.cs + n] = all.mean;
      to[2 * params.out.cs + n] = all.spread;
    }
  }
}

// Every warp's piece, from the outputs as they were stored.
template <class Product, class Problem>
__device__ __forceinline__ void reduce_pieces(const Problem& problem,
                                              const typename Problem::Params& params,
                                              Product& product) {
  using Shape = typename Problem::Shape;
  const Phase& phase = problem.phase;
  const int first = problem.m0 + Shape::warp_m(), left = phase.outputs - first;
  if (left <= 0) return;
  const int rows = left < Shape::kWarpM ? left : Shape::kWarpM;
  const int image = phase.place(first).image;
  const int next =
      (image + 1) * phase.y.count * phase.x.count - first;  // where the next one begins
  // The phase's index again, from what is at hand: one register less throughout the product.
  const int index = phase.y.out0 * params.plan.x.stride + phase.x.out0;
  const int64_t slot = int64_t{index} * params.slots + first / Shape::kWarpM + image;
  float* to = params.moments + slot * 3 * params.out.cs;
  int begin = 0, end = next < rows ? next : rows;
#pragma unroll 1
  while (true) {
    reduce_part(problem, params, product, begin, end, begin > 0, to);
    if (end == rows) break;
    begin = end;
    end = rows;
    to += 3 * params.out.cs;
  }
}

// Stores a block's share of a problem; `Problem::kMoments`: and takes the moments of its pieces.
template <class Product, class Problem>
__device__ __forceinline__ void store_outputs(const Problem& problem,
                                              const typename Problem::Params& params,
                                              Product& product) {
  using Shape = typename Problem::Shape;
  typename Problem::Column column[Product::kQuads];
#pragma unroll
  for (int q = 0; q < Product::kQuads; ++q) column[q] = problem.column(params, Product::column(q));
#pragma unroll
  for (int i = 0; i < Shape::kRows; ++i) {
    const auto row = problem.row(params, Product::row(i));
#pragma unroll
    for (int q = 0; q < Product::kQuads; ++q) {
      if constexpr (Problem::kMoments) {
        const float4 v = problem.store(params, row, column[q], product.quad(i, q));
        float* kept = product.outputs(i, q);
        kept[0] = v.x, kept[1] = v.y, kept[2] = v.z, kept[3] = v.w;
      } else {
        problem.store(params, row, column[q], product.quad(i, q));
      }
    }
  }
  if constexpr (Problem::kMoments) reduce_pieces(problem, params, product);
}

}  // namespace gsx::kernels::GSX_BACKEND::convolution
