// The exact FP32 product of two operand slices per step: C (kM x kN of a block) += A B over the
// contraction, products and sums in fmaf, one accumulator per output in ascending order.
//
// 128 threads in kWarpsM x kWarpsN warps; the 8 x 4 lanes of a warp each own kRows x 8 outputs and
// read them as float4: per 4 steps of the contraction kRows + 8 shared loads for kRows * 32 fmaf.
#pragma once
#include "gpu.h"
#include "kernels/cuda/conv_moments.h"
#include "kernels/cuda/conv_pipeline.h"
#include "kernels/cuda/conv_source.h"

namespace gsx::kernels::GSX_BACKEND::convolution {

template <int kM_, int kN_, int kWarpsM, int kWarpsN>
struct SimtShape {
  static constexpr int kM = kM_, kN = kN_, kThreads = 32 * kWarpsM * kWarpsN;
  static constexpr int kWidth = 4, kDepth = 16;  // channels per chunk; contraction per slice
  static constexpr int kStages = 3;
  static constexpr int kWarpM = kM / kWarpsM, kWarpN = kN / kWarpsN;
  static constexpr int kRows = kWarpM / 8, kColumns = kWarpN / 4;
  static_assert(kColumns == 8 && (kRows == 4 || kRows == 8));

  template <int kExtent, Layout layout>
  using TileOf =
      Tile<float, layout == Layout::along_k ? kExtent : kDepth,
           layout == Layout::along_k ? kDepth / 4 : kExtent / 4, layout == Layout::along_k>;

  __device__ static int lane() { return static_cast<int>(threadIdx.x) % 32; }
  __device__ static int warp() { return static_cast<int>(threadIdx.x) / 32; }
  // Lanes in 8 x 4, but such that neighbours (lane ^ 1) share their row and lanes two apart
  // (lane ^ 2) their column: shared memory then serves 16 lanes of a float4 load at a time, not 8.
  __device__ static int lane_m() { return lane() / 2 % 2 + lane() / 8 * 2; }
  __device__ static int lane_n() { return lane() % 2 + lane() / 4 % 2 * 2; }
  __device__ static int warp_m() { return warp() / kWarpsN * kWarpM; }
  __device__ static int warp_n() { return warp() % kWarpsN * kWarpN; }

  // The tile row of this thread's row i.
  template <Layout layout>
  __device__ static int row(int i) {
    if (layout == Layout::along_k) return warp_m() + lane_m() + 8 * i;
    return warp_m() + lane_m() * 4 + i % 4 + i / 4 * 32;
  }
  // The first tile column of this thread's four columns q.
  __device__ static int column(int q) { return warp_n() + lane_n() * 4 + q * 16; }
};

// What a block holds in shared memory: a ring of slices.
template <class Shape, Layout layout_a, Layout layout_b>
struct SimtShared {
  using TileA = typename Shape::template TileOf<Shape::kM, layout_a>;
  using TileB = typename Shape::template TileOf<Shape::kN, layout_b>;
  TileA a[Shape::kStages];
  TileB b[Shape::kStages];
};

// kCount rows or columns of an operand in four steps of the contraction.
template <class Tile, int kCount>
struct Fragment {
  float value[4][kCount];

  // From a tile along k: one float4 holds four steps of one row.
  __device__ void load_row(const Tile& t, int row, int row_part, int chunk, int i) {
    const float4 v = *reinterpret_cast<const float4*>(&t.words[Tile::at(row, row_part, 0, chunk)]);
    value[0][i] = v.x, value[1][i] = v.y, value[2][i] = v.z, value[3][i] = v.w;
  }
  // From a tile across k: one float4 holds four neighbours of one step.
  __device__ void load_steps(const Tile& t, int k, int chunk, int chunk_part, int i) {
#pragma unroll
    for (int step = 0; step < 4; ++step) {
      const int at = ((k + step) * Tile::kChunks + chunk + chunk_part) * 4;
      const float4 v = *reinterpret_cast<const float4*>(&t.words[at]);
      value[step][i] = v.x, value[step][i + 1] = v.y;
      value[step][i + 2] = v.z, value[step][i + 3] = v.w;
    }
  }
};

// The sums a thread owns. Columns go by in two halves, which keeps the operands in few registers.
template <class Shape, Layout layout_a, Layout layout_b>
struct SimtProduct {
  using Shared = SimtShared<Shape, layout_a, layout_b>;
  using FragmentA = Fragment<typename Shared::TileA, Shape::kRows>;
  using FragmentB = Fragment<typename Shared::TileB, 4>;
  static constexpr int kQuads = Shape::kColumns / 4;
  static constexpr int kRowLanes = 0b11010;  // the bits of a lane that lane_m() reads
  float sum[Shape::kRows][Shape::kColumns] = {};

  __device__ void add(const typename Shared::TileA& a, const typename Shared::TileB& b) {
#pragma unroll 1
    for (int k = 0; k < Shape::kDepth; k += 4) {
      FragmentA x;
      load_a(a, k, x);
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        FragmentB y;
        load_b(b, k, half, y);
        add(x, y, 4 * half);
      }
    }
  }

  // Four neighbouring outputs: where they are kept, and their tile row and first column.
  __device__ float* outputs(int i, int q) { return &sum[i][4 * q]; }
  __device__ float4 quad(int i, int q) const {
    const float* v = &sum[i][4 * q];
    return make_float4(v[0], v[1], v[2], v[3]);
  }
  __device__ static int row(int i) { return Shape::template row<layout_a>(i); }
  __device__ static int column(int q) { return Shape::column(q); }

 private:
  __device__ void add(const FragmentA& x, const FragmentB& y, int first) {
#pragma unroll
    for (int step = 0; step < 4; ++step) {
#pragma unroll
      for (int i = 0; i < Shape::kRows; ++i) {
#pragma unroll
        for (int j = 0; j < 4; ++j) {
          sum[i][first + j] = fmaf(x.value[step][i], y.value[step][j], sum[i][first + j]);
        }
      }
    }
  }
  __device__ static void load_a(const typename Shared::TileA& t, int k, FragmentA& f) {
    if constexpr (layout_a == Layout::along_k) {
      const int first = Shape::warp_m() + Shape::lane_m();
#pragma unroll
      for (int i = 0; i < Shape::kRows; ++i) f.load_row(t, first, 8 * i, k / 4, i);
    } else {
      const int first = Shape::warp_m() / 4 + Shape::lane_m();
#pragma unroll
      for (int i = 0; i < Shape::kRows; i += 4) f.load_steps(t, k, first, 2 * i, i);
    }
  }
  __device__ static void load_b(const typename Shared::TileB& t, int k, int half, FragmentB& f) {
    if constexpr (layout_b == Layout::along_k) {
      const int first = Shape::warp_n() + Shape::lane_n() * 4;
#pragma unroll
      for (int j = 0; j < 4; ++j) f.load_row(t, first, j + half * 16, k / 4, j);
    } else {
      f.load_steps(t, k, Shape::warp_n() / 4 + Shape::lane_n(), 4 * half, 0);
    }
  }
};

// One block's share of a problem. A Problem names its operands' sources and where outputs go:
//   Params, Shape, SourceA, SourceB; Problem(params) places the block (any() false: nothing to do),
//   steps(), a(), b(), row(), column() and store(); kMoments: see conv_moments.h.
template <class Problem>
__global__ void __launch_bounds__(Problem::Shape::kThreads, 3)
    simt_kernel(const typename Problem::Params params) {
  using Shape = typename Problem::Shape;
  constexpr Layout kA = Problem::SourceA::kLayout, kB = Problem::SourceB::kLayout;
  const Problem problem(params);
  if (!problem.any()) return;
  auto& shared = gpu::dynamic_shared<SimtShared<Shape, kA, kB>>();
  typename Problem::SourceA a = problem.a(params);
  typename Problem::SourceB b = problem.b(params);
  SimtProduct<Shape, kA, kB> product;
  multiply_async(problem.steps(), a, b, shared, product);
  store_outputs(problem, params, product);
}

}  // namespace gsx::kernels::GSX_BACKEND::convolution
