// Exact convolution of quantised values: 16-bit quantised values times 8-bit quantised filters,
// summed in 32 bits two products at a time (dp2a). The order of exact sums is free: the bits are
// the CPU's.
//
// A block makes 64 pixels x 64 outputs, 32 quantised values of contraction per slice. Pixels lie
// along the contraction; quantised filters are regrouped on the way in, so that a word holds four
// neighbours of the contraction for one output.
#include "kernels/cuda/conv_launch.h"
#include "kernels/cuda/conv_simt.h"

namespace gsx::kernels::GSX_BACKEND::convolution {
namespace quantized {

using Shape = SimtShape<64, 64, 2, 2>;
constexpr int kDepth = 32,
              kQuads = kDepth / 4;  // quantised values of a slice; words they fill per output
using PixelTile = Tile<uint32_t, Shape::kM, 4>;
using VectorPixels = PixelSource<int16_t, Shape::kM, 4, 8, Shape::kThreads>;

struct Shared {
  PixelTile x[2];
  alignas(16) int32_t w[2][kQuads][Shape::kN];
};

struct Block {
  Phase phase;
  int m0, n0;
};

// Pixels of at most four channels, code by code: a thread fills half a row.
struct ScalarQuantized {
  Input<int16_t> in;
  int taps_y, taps_x, top, y, x;
  TapCursor cursor;
  uint32_t word[8];

  __device__ static int row() { return static_cast<int>(threadIdx.x) % Shape::kM; }
  __device__ static int half() { return static_cast<int>(threadIdx.x) / Shape::kM; }

  __device__ ScalarQuantized(const Input<int16_t>& input, const Phase& p, int m0)
      : in(input),
        taps_y(p.y.taps),
        taps_x(p.x.taps),
        cursor(TapCursor::at(half() * kDepth / 2, input.cs, p.x.taps)) {
    const int m = m0 + row();
    const Place at = p.place(m);
    top = m < p.outputs ? at.image * in.h : -1;
    y = p.y.in0 + at.y * p.y.in_step;
    x = p.x.in0 + at.x * p.x.in_step;
  }
  __device__ uint32_t next() {
    bool valid = top >= 0 && cursor.ty < taps_y;
    const int16_t* from = in.pixel(top, y + cursor.ty, x + cursor.tx, valid) + cursor.ch;
    cursor.advance(1, in.cs, taps_x);
    return valid ? static_cast<uint16_t>(*from) : 0u;
  }
  __device__ void fetch() {
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      const uint32_t low = next();
      word[i] = low | next() << 16;
    }
    cursor.advance(kDepth / 2, in.cs, taps_x);
  }
  __device__ void put(PixelTile& tile) const {
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      *reinterpret_cast<uint4*>(&tile.words[PixelTile::at(row(), 2 * half() + i)]) =
          make_uint4(word[4 * i], word[4 * i + 1], word[4 * i + 2], word[4 * i + 3]);
    }
  }
};

// A thread's share of the filter slice: four steps of the contraction for four outputs.
template <bool kScalar>
struct QuantizedFilters {
  Filter<int8_t> w;
  AxisPhase y, x;
  int channels, n;
  TapCursor cursor;
  uint32_t row[4];  // four outputs of one step

  __device__ static int quad() { return static_cast<int>(threadIdx.x) / 16; }
  __device__ static int column() { return static_cast<int>(threadIdx.x) % 16 * 4; }

  __device__ QuantizedFilters(const Filter<int8_t>& filter, const Phase& p, int padded, int n0)
      : w(filter),
        y(p.y),
        x(p.x),
        channels(padded),
        n(n0 + column()),
        cursor(TapCursor::at(4 * quad(), padded, p.x.taps)) {}
  // Four outputs of contraction step t.
  __device__ uint32_t read(const TapCursor& t) const {
    if (t.ty >= y.taps || t.ch >= w.c || n >= w.ks) return 0;
    const int8_t* from = w.row(y.tap0 + t.ty * y.tap_step, x.tap0 + t.tx * x.tap_step, t.ch) + n;
    if constexpr (!kScalar) return *reinterpret_cast<const uint32_t*>(from);
    uint32_t four = 0;
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      if (n + j < w.ks) four |= static_cast<uint32_t>(static_cast<uint8_t>(from[j])) << (8 * j);
    }
    return four;
  }
  __device__ void fetch() {
    TapCursor t = cursor;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      row[i] = read(t);
      t.advance(1, channels, x.taps);
    }
    cursor.advance(kDepth, channels, x.taps);
  }
  __device__ void put(int32_t (&tile)[kQuads][Shape::kN]) const {
    int32_t out[4];
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      uint32_t word = 0;
#pragma unroll
      for (int i = 0; i < 4; ++i) word |= (row[i] >> (8 * j) & 0xffu) << (8 * i);
      out[j] = static_cast<int32_t>(word);
    }
    *reinterpret_cast<int4*>(&tile[quad()][column()]) = make_int4(out[0], out[1], out[2], out[3]);
  }
};

struct Sums {
  int32_t value[Shape::kRows][Shape::kColumns] = {};

  __device__ void add(const PixelTile& x, const int32_t (&w)[kQuads][Shape::kN]) {
#pragma unroll
    for (int chunk = 0; chunk < 4; ++chunk) {
      uint4 a[Shape::kRows];
#pragma unroll
      for (int i = 0; i < Shape::kRows; ++i) {
        const int row = Shape::warp_m() + Shape::lane_m();
        a[i] = *reinterpret_cast<const uint4*>(&x.words[PixelTile::at(row, 8 * i, 0, chunk)]);
      }
#pragma unroll
      for (int q = 0; q < 2; ++q) {
        const int4 low = *reinterpret_cast<const int4*>(&w[2 * chunk][Shape::column(q)]);
        const int4 high = *reinterpret_cast<const int4*>(&w[2 * chunk + 1][Shape::column(q)]);
#pragma unroll
        for (int i = 0; i < Shape::kRows; ++i) {
          add_four(&value[i][4 * q], a[i].x, a[i].y, low);
          add_four(&value[i][4 * q], a[i].z, a[i].w, high);
        }
      }
    }
  }

 private:
  // Four steps of one pixel, in two words, for four outputs.
  __device__ static void add_four(int32_t* sum, uint32_t first, uint32_t second, const int4& w) {
    const int32_t a = static_cast<int32_t>(first), b = static_cast<int32_t>(second);
    sum[0] = gpu::dp2a_hi(b, w.x, gpu::dp2a_lo(a, w.x, sum[0]));
    sum[1] = gpu::dp2a_hi(b, w.y, gpu::dp2a_lo(a, w.y, sum[1]));
    sum[2] = gpu::dp2a_hi(b, w.z, gpu::dp2a_lo(a, w.z, sum[2]));
    sum[3] = gpu::dp2a_hi(b, w.w, gpu::dp2a_lo(a, w.w, sum[3]));
  }
};

__device__ inline void store(const QuantizedCorrelation& c, const Block& block, const Sums& sums) {
#pragma unroll
  for (int i = 0; i < Shape::kRows; ++i) {
    const int m = block.m0 + Shape::row<Layout::along_k>(i);
    if (m >= block.phase.outputs) continue;
    const Place at = block.phase.place(m);
    int32_t* pixel = c.out.pixel(at.image, block.phase.y.out0 + at.y * block.phase.y.out_step,
                                 block.phase.x.out0 + at.x * block.phase.x.out_step);
#pragma unroll
    for (int q = 0; q < 2; ++q) {
      const int32_t* v = &sums.value[i][4 * q];
      const int n = block.n0 + Shape::column(q);
      if (c.out.cs % 4 == 0) {
        if (n < c.out.cs) *reinterpret_cast<int4*>(pixel + n) = make_int4(v[0], v[1], v[2], v[3]);
      } else {
#pragma unroll
        for (int j = 0; j < 4; ++j) {
          if (n + j < c.out.cs) pixel[n + j] = v[j];
        }
      }
    }
  }
}

template <bool kScalarPixels, bool kScalarFilter>
__global__ void __launch_bounds__(Shape::kThreads, 3)
    quantized_kernel(const QuantizedCorrelation c) {
  const int index = static_cast<int>(blockIdx.x), tile = index / c.tiles_n;
  const Block block = {c.plan.phase(tile / c.tiles_m), tile % c.tiles_m * Shape::kM,
                       index % c.tiles_n * Shape::kN};
  if (block.m0 >= block.phase.outputs) return;
  auto& shared = gpu::dynamic_shared<Shared>();
  std::conditional_t<kScalarPixels, ScalarQuantized, VectorPixels> x(c.in, block.phase, block.m0);
  QuantizedFilters<kScalarFilter> w(c.w, block.phase, c.in.cs, block.n0);
  const int contraction = block.phase.y.taps * block.phase.x.taps * c.in.cs;
  const int steps = (contraction + kDepth - 1) / kDepth;
  Sums sums;
  // Turn `step` brings slice `step` in while slice `step` - 1 is multiplied.
  for (int step = 0; step <= steps; ++step) {
    const bool more = step < steps;
    PixelTile& next = shared.x[step % 2];
    if (more) {
      if constexpr (kScalarPixels) {
        x.fetch();
      } else {
        copy_slice(x, next);
      }
      w.fetch();
    }
    gpu::cp_async_commit();
    if (step > 0) sums.add(shared.x[(step + 1) % 2], shared.w[(step + 1) % 2]);
    if (more) {
      if constexpr (kScalarPixels) x.put(next);
      w.put(shared.w[step % 2]);
    }
    gpu::cp_async_wait<0>();
    __syncthreads();  // the next slice is there, and this one is done with
  }
  store(c, block, sums);
}

}  // namespace quantized

void correlate_quantized(Exec& e, const QuantizedCorrelation& correlation) {
  QuantizedCorrelation c = correlation;
  c.tiles_m = tiles(c.plan.outputs(), quantized::Shape::kM);
  c.tiles_n = tiles(c.out.cs, quantized::Shape::kN);
  const auto kernel = c.in.c <= 4        ? quantized::quantized_kernel<true, true>
                      : c.out.cs % 8 > 0 ? quantized::quantized_kernel<false, true>
                                         : quantized::quantized_kernel<false, false>;
  launch_blocks("conv_codes", kernel, c.blocks(), quantized::Shape::kThreads,
                sizeof(quantized::Shared), e, c);
}

}  // namespace gsx::kernels::GSX_BACKEND::convolution
