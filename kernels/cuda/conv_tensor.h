// The product of two operand slices on tensor cores: C (kM x kN of a block) += A B, inputs rounded
// to TF32 or BF16, sums in FP32. kWarpsM x kWarpsN warps.
//
// TF32 slices come by cp.async as they are, in a ring of kStages, and are rounded in registers.
// BF16 slices pass through registers, where they are rounded, into two buffers of half the size;
// the loads of the next slice fly while the current one is multiplied.
#pragma once
#include "gpu.h"
#include "kernels/cuda/conv_moments.h"
#include "kernels/cuda/conv_pipeline.h"
#include "kernels/cuda/conv_source.h"
#include "kernels/scalar.h"

namespace gsx::kernels::GSX_BACKEND::convolution {

template <MathMode kMath_, int kM_, int kN_, int kWarpsM, int kWarpsN>
struct TensorShape {
  static constexpr MathMode kMath = kMath_;
  static constexpr bool kHalf = kMath == MathMode::bf16;
  static constexpr int kM = kM_, kN = kN_, kThreads = 32 * kWarpsM * kWarpsN;
  static constexpr int kWidth = kHalf ? 8 : 4;  // channels per 16-byte chunk
  static constexpr int kDepth = 4 * kWidth;     // contraction per slice: two steps of the cores
  static constexpr int kStages = kHalf ? 2 : 3;
  static constexpr int kWarpM = kM / kWarpsM, kWarpN = kN / kWarpsN;
  static constexpr int kRows = kWarpM / 16, kColumns = kWarpN / 8;  // fragments of a warp
  static_assert(kColumns % 2 == 0);

  template <int kExtent, Layout layout>
  using TileOf = Tile<uint32_t, layout == Layout::along_k ? kExtent : kDepth,
                      layout == Layout::along_k ? 4 : kExtent / kWidth>;

  __device__ static int lane() { return static_cast<int>(threadIdx.x) % 32; }
  __device__ static int warp() { return static_cast<int>(threadIdx.x) / 32; }
  __device__ static int warp_m() { return warp() / kWarpsN * kWarpM; }
  __device__ static int warp_n() { return warp() % kWarpsN * kWarpN; }
};

// The largest tile. The larger a warp's piece, the fewer bytes of shared memory per product: 64 x
// 64 for TF32; 64 x 32 for BF16, whose slices on their way need registers.
template <MathMode kMath>
using LargeTensorShape = TensorShape<kMath, 128, 128, 2, kMath == MathMode::bf16 ? 4 : 2>;

template <class Shape, Layout layout_a, Layout layout_b>
struct TensorShared {
  using TileA = typename Shape::template TileOf<Shape::kM, layout_a>;
  using TileB = typename Shape::template TileOf<Shape::kN, layout_b>;
  TileA a[Shape::kStages];
  TileB b[Shape::kStages];
};

__device__ inline void round_tf32(uint32_t (&r)[4]) {
#pragma unroll
  for (int i = 0; i < 4; ++i) r[i] = gpu::to_tf32(scalar::from_bits(r[i]));
}

// The operand registers of the core's instructions for step `step` of a slice. Lane (g, t) =
// (lane / 4, lane % 4) holds of a 16-row A: rows g, g + 8 and of an 8-column B: column g; TF32
// positions t, t + 4 or pairs of BF16 at 2t, 2t + 8 of the contraction. Matrices of ldmatrix are
// eight rows of 16 bytes, which is four TF32 or eight BF16.
template <class Shape, Layout layout, class Tile>
struct TensorOperand {
  // A: rows 16 i .. 16 i + 15 of the warp's piece.
  __device__ static void load_a(uint32_t (&r)[4], const Tile& t, int step, int i) {
    const int lane = Shape::lane();
    if constexpr (layout == Layout::along_k) {
      const int row = Shape::warp_m() + lane % 16;
      gpu::ldmatrix_x4(r, &t.words[Tile::at(row, 16 * i, lane / 16, 2 * step)]);
    } else if constexpr (Shape::kHalf) {
      const int row = lane % 8 + lane / 16 * 8, chunk = Shape::warp_m() / 8 + lane / 8 % 2;
      gpu::ldmatrix_x4_trans(r, &t.words[Tile::at(row, 16 * step, chunk, 2 * i)]);
    } else {
#pragma unroll
      for (int half = 0; half < 2; ++half) {  // positions t, t + 4
        r[2 * half] = float_at(t, Shape::warp_m(), 8 * step + 4 * half, 4 * i);
        r[2 * half + 1] = float_at(t, Shape::warp_m(), 8 * step + 4 * half, 4 * i + 2);
      }
    }
    if constexpr (!Shape::kHalf) round_tf32(r);
  }
  // B: columns 16 j .. 16 j + 15, two fragments of eight: registers 0 1 and 2 3.
  __device__ static void load_b(uint32_t (&r)[4], const Tile& t, int step, int j) {
    const int lane = Shape::lane();
    if constexpr (layout == Layout::along_k) {
      const int row = Shape::warp_n() + lane % 8 + lane / 16 * 8;
      gpu::ldmatrix_x4(r, &t.words[Tile::at(row, 16 * j, lane / 8 % 2, 2 * step)]);
    } else if constexpr (Shape::kHalf) {
      const int row = lane % 16, chunk = Shape::warp_n() / 8 + lane / 16;
      gpu::ldmatrix_x4_trans(r, &t.words[Tile::at(row, 16 * step, chunk, 2 * j)]);
    } else {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        r[half] = float_at(t, Shape::warp_n(), 8 * step + 4 * half, 4 * j);
        r[2 + half] = float_at(t, Shape::warp_n(), 8 * step + 4 * half, 4 * j + 2);
      }
    }
    if constexpr (!Shape::kHalf) round_tf32(r);
  }

 private:
  // Row k + t, column first + 4 chunk_part + g of a TF32 tile across k.
  __device__ static uint32_t float_at(const Tile& t, int first, int k, int chunk_part) {
    const int g = Shape::lane() / 4;
    return t.words[Tile::at(Shape::lane() % 4, k, first / 4 + g / 4, chunk_part) + g % 4];
  }
};

template <class Shape, Layout layout_a, Layout layout_b>
struct TensorProduct {
  using Shared = TensorShared<Shape, layout_a, layout_b>;
  using OperandA = TensorOperand<Shape, layout_a, typename Shared::TileA>;
  using OperandB = TensorOperand<Shape, layout_b, typename Shared::TileB>;
  static constexpr int kQuads = Shape::kColumns;
  static constexpr int kRowLanes = 0b11101;  // the bits of a lane that row() reads
  float sum[Shape::kRows][Shape::kColumns][4] = {};

  __device__ void add(const typename Shared::TileA& a, const typename Shared::TileB& b) {
#pragma unroll
    for (int step = 0; step < 2; ++step) {
      uint32_t x[Shape::kRows][4], y[Shape::kColumns / 2][4];
#pragma unroll
      for (int i = 0; i < Shape::kRows; ++i) OperandA::load_a(x[i], a, step, i);
#pragma unroll
      for (int j = 0; j < Shape::kColumns / 2; ++j) OperandB::load_b(y[j], b, step, j);
#pragma unroll
      for (int i = 0; i < Shape::kRows; ++i) {
#pragma unroll
        for (int j = 0; j < Shape::kColumns; ++j) {
          const uint32_t(&pair)[4] = y[j / 2];
          const uint32_t column[2] = {pair[j % 2 * 2], pair[j % 2 * 2 + 1]};
          multiply(sum[i][j], x[i], column);
        }
      }
    }
  }

  __device__ float* outputs(int i, int j) { return sum[i][j]; }  // where those of quad() are kept
  // The core leaves lane (g, t) columns 2t, 2t + 1 of rows g and g + 8. Lanes trade with their
  // neighbour so that even ones hold columns 4 (t/2) .. + 3 of row g, odd ones those of row g + 8.
  __device__ float4 quad(int i, int j) const {
    const float(&v)[4] = sum[i][j];
    const bool odd = threadIdx.x % 2 == 1;
    const float x = __shfl_xor_sync(0xffffffffu, odd ? v[0] : v[2], 1);
    const float y = __shfl_xor_sync(0xffffffffu, odd ? v[1] : v[3], 1);
    return odd ? make_float4(x, y, v[2], v[3]) : make_float4(v[0], v[1], x, y);
  }
  __device__ static int row(int i) {
    const int lane = Shape::lane();
    return Shape::warp_m() + 16 * i + lane / 4 + lane % 2 * 8;
  }
  __device__ static int column(int j) {
    return Shape::warp_n() + 8 * j + Shape::lane() % 4 / 2 * 4;
  }

 private:
  __device__ static void multiply(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    if constexpr (Shape::kHalf) {
      gpu::mma_m16n8k16_bf16(d, a, b);
    } else {
      gpu::mma_m16n8k8_tf32(d, a, b);
    }
  }
};

// A thread's chunks of a BF16 slice on their way through registers.
template <class Source>
struct Carried {
  using Share = typename Source::Share;
  float4 value[Share::kCount][2];

  __device__ void fetch(Source& source) {
#pragma unroll
    for (int i = 0; i < Share::kCount; ++i) {
      bool valid;
      const float* from = source.unit(i, valid);
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        value[i][half] =
            valid ? __ldg(reinterpret_cast<const float4*>(from) + half) : make_float4(0, 0, 0, 0);
      }
    }
    source.advance();
  }
  template <class Tile>
  __device__ void put(Tile& tile) const {
#pragma unroll
    for (int i = 0; i < Share::kCount; ++i) {
      const float4 &v = value[i][0], &u = value[i][1];
      *reinterpret_cast<uint4*>(&tile.words[Tile::at(Share::row(i), Share::chunk())]) =
          make_uint4(gpu::pack_bf16(v.x, v.y), gpu::pack_bf16(v.z, v.w), gpu::pack_bf16(u.x, u.y),
                     gpu::pack_bf16(u.z, u.w));
    }
  }
};

template <class SourceA, class SourceB, class Shared, class Product>
__device__ void multiply_bf16(int steps, SourceA& a, SourceB& b, Shared& shared, Product& product) {
  if (steps == 0) return;
  Carried<SourceA> x;
  Carried<SourceB> y;
  x.fetch(a);
  y.fetch(b);
  x.put(shared.a[0]);
  y.put(shared.b[0]);
  for (int step = 0; step < steps; ++step) {
    __syncthreads();  // slice `step` is there, and nobody still reads the one before it
    const bool more = step + 1 < steps;
    if (more) {
      x.fetch(a);
      y.fetch(b);
    }
    product.add(shared.a[step % 2], shared.b[step % 2]);
    if (more) {
      x.put(shared.a[(step + 1) % 2]);
      y.put(shared.b[(step + 1) % 2]);
    }
  }
}

// One block's share of a problem; see simt_kernel().
template <class Problem>
__global__ void __launch_bounds__(Problem::Shape::kThreads)
    tensor_kernel(const typename Problem::Params params) {
  using Shape = typename Problem::Shape;
  constexpr Layout kA = Problem::SourceA::kLayout, kB = Problem::SourceB::kLayout;
  const Problem problem(params);
  if (!problem.any()) return;
  auto& shared = gpu::dynamic_shared<TensorShared<Shape, kA, kB>>();
  typename Problem::SourceA a = problem.a(params);
  typename Problem::SourceB b = problem.b(params);
  TensorProduct<Shape, kA, kB> product;
  if constexpr (Shape::kHalf) {
    multiply_bf16(problem.steps(), a, b, shared, product);
  } else {
    multiply_async(problem.steps(), a, b, shared, product);
  }
  store_outputs(problem, params, product);
}

}  // namespace gsx::kernels::GSX_BACKEND::convolution
