// A correlation as a matrix product: rows are a phase's pixels, columns output channels, and the
// contraction runs over its taps and input channels.
#pragma once
#include <type_traits>

#include "gpu.h"
#include "kernels/cuda/conv_moments.h"
#include "kernels/cuda/conv_source.h"
#include "kernels/cuda/conv_source_scalar.h"

namespace gsx::kernels::GSX_BACKEND::convolution {

// kSwapped: the filter's K is contracted. kScalar: at most four input channels. kMoments_: the
// outputs' moments are taken, too.
template <class Shape_, bool kSwapped, bool kScalar = false, bool kMoments_ = false>
struct CorrelateProblem {
  using Shape = Shape_;
  static constexpr bool kMoments = kMoments_;
  using Params = std::conditional_t<kMoments, MomentCorrelation, FloatCorrelation>;
  static constexpr int kChunks = Shape::kDepth / Shape::kWidth;  // of an along_k row
  using SourceA =
      std::conditional_t<kScalar, ScalarPixels<Shape::kM, Shape::kDepth, Shape::kThreads>,
                         PixelSource<float, Shape::kM, kChunks, Shape::kWidth, Shape::kThreads>>;
  using SwappedB =
      std::conditional_t<kScalar, ScalarFilter<Shape::kN, Shape::kDepth, Shape::kThreads>,
                         FilterColumns<float, Shape::kN, kChunks, Shape::kWidth, Shape::kThreads>>;
  using SourceB = std::conditional_t<
      kSwapped, SwappedB,
      FilterRows<float, Shape::kDepth, Shape::kN / Shape::kWidth, Shape::kWidth, Shape::kThreads>>;
  Phase phase;
  int m0, n0, contraction;

  __device__ explicit CorrelateProblem(const Params& p) {
    const int index = static_cast<int>(blockIdx.x), tile = index / p.tiles_n;
    phase = p.plan.phase(tile / p.tiles_m);
    m0 = tile % p.tiles_m * Shape::kM;
    n0 = index % p.tiles_n * Shape::kN;
    contraction = phase.y.taps * phase.x.taps * p.in.cs;
  }
  __device__ bool any() const { return m0 < phase.outputs; }
  __device__ int steps() const { return (contraction + Shape::kDepth - 1) / Shape::kDepth; }
  __device__ SourceA a(const Params& p) const { return SourceA(p.in, phase, m0); }
  __device__ SourceB b(const Params& p) const {
    if constexpr (kSwapped) {
      return SourceB(p.w, phase, n0);
    } else {
      return SourceB(p.w, phase, p.in.cs, n0);
    }
  }

  // Four output channels from n on, and what is added to them.
  struct Column {
    int n;
    float bias[4];
  };
  __device__ Column column(const Params& p, int tile_column) const {
    Column c{n0 + tile_column, {}};
    if (p.bias) {
#pragma unroll
      for (int j = 0; j < 4; ++j) c.bias[j] = c.n + j < p.out.c ? p.bias[c.n + j] : 0.0f;
    }
    return c;
  }
  struct Row {
    float* pixel;
    bool stored;
  };
  __device__ Row row(const Params& p, int tile_row) const {
    const int m = m0 + tile_row;
    const Place at = phase.place(m);
    return {p.out.pixel(at.image, phase.y.out0 + at.y * phase.y.out_step,
                        phase.x.out0 + at.x * phase.x.out_step),
            m < phase.outputs};
  }
  // Gives what it stores. Padding lanes become zero whatever the sums hold.
  __device__ static float4 store(const Params& p, const Row& row, const Column& c,
                                 const float4& v) {
    const int left = p.out.c - c.n;
    const float4 out =
        make_float4(left > 0 ? v.x + c.bias[0] : 0.0f, left > 1 ? v.y + c.bias[1] : 0.0f,
                    left > 2 ? v.z + c.bias[2] : 0.0f, left > 3 ? v.w + c.bias[3] : 0.0f);
    if (row.stored && c.n < p.out.cs) *reinterpret_cast<float4*>(row.pixel + c.n) = out;
    return out;
  }
};

}  // namespace gsx::kernels::GSX_BACKEND::convolution
