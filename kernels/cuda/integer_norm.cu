// Exact sums of integers, and the norm that follows from them by the CPU's arithmetic in double, so
// that the bits are the same everywhere.
#include "kernels/cuda/image_pieces.h"
#include "kernels/cuda/integer.h"
#include "kernels/cuda/wide.h"

namespace gsx::kernels::GSX_BACKEND::integers {

constexpr int kTogether = 4;  // pixels of a thread whose loads are under way together

// Of some pixels, per channel: the sum of the values, and of the low and high 32 bits of their
// squares. The quantities lie apart, so that neighbouring threads use neighbouring banks.
template <int kWidth>
struct PieceSums {
  uint64_t sum[3 * kWidth][kPieceThreads];

  __device__ __forceinline__ void add(int to, int from) {
#pragma unroll
    for (int i = 0; i < 3 * kWidth; ++i) sum[i][to] += sum[i][from];
  }
};

// partial[image, piece, 3, cs]: the sums of a piece, negative ones as two's complements. Reads x
// once, 4 bytes per element; |x| < 2^30, so that four squares fit 64 bits.
template <int kWidth>
__global__ void __launch_bounds__(kPieceThreads, 1)
    integer_statistics_kernel(const ImagePieces p, const int32_t* x, uint64_t* partial) {
  using P = Pack<int32_t, kWidth>;
  auto& shared = dynamic_shared<PieceSums<kWidth>>();
  const PieceThread t = PieceThread::of<kWidth>(p);
  int64_t values[kWidth] = {};
  uint64_t low[kWidth] = {}, high[kWidth] = {};
  for (int begin = t.row; t.active && begin < t.pixels; begin += kTogether * p.rows) {
    P xs[kTogether];
#pragma unroll
    for (int j = 0; j < kTogether; ++j) {
      const int pixel = begin + j * p.rows;
      xs[j] = pixel < t.pixels ? P::load(x + t.first + int64_t{pixel} * p.view.cs) : P{};
    }
#pragma unroll
    for (int i = 0; i < kWidth; ++i) {
      uint64_t squares = 0;
#pragma unroll
      for (int j = 0; j < kTogether; ++j) {
        values[i] += xs[j].value[i];
        squares += static_cast<uint64_t>(int64_t{xs[j].value[i]} * xs[j].value[i]);
      }
      low[i] += squares & 0xffffffffu;
      high[i] += squares >> 32;
    }
  }
#pragma unroll
  for (int i = 0; i < kWidth; ++i) {
    shared.sum[i][t.thread] = static_cast<uint64_t>(values[i]);
    shared.sum[kWidth + i][t.thread] = low[i];
    shared.sum[2 * kWidth + i][t.thread] = high[i];
  }
  add_piece_rows(shared, t.thread, p.rows, p.columns);
  if (!t.active || t.row > 0) return;
  uint64_t* to = partial + int64_t{blockIdx.x} * 3 * p.view.cs + t.channel;
#pragma unroll
  for (int i = 0; i < kWidth; ++i) {
    for (int q = 0; q < 3; ++q) to[q * p.view.cs + i] = shared.sum[q * kWidth + i][t.thread];
  }
}

struct Totals {
  int64_t sum;
  Wide squares;
};

// Of channel c; `at` is its place in [n, cs].
__device__ __forceinline__ void set_line(const NormLine& out, int64_t at, const Totals& total,
                                         int64_t pixels, float scale, const NormParameters& k,
                                         int c) {
  const auto count = static_cast<double>(pixels);
  const int64_t sum = total.sum;
  // round(sum / pixels), halves upwards
  const int64_t twice = 2 * sum + pixels;
  const int64_t quotient = twice / (2 * pixels);
  const int64_t middle = quotient - (twice - quotient * 2 * pixels < 0 ? 1 : 0);
  const int64_t rest = sum - middle * pixels;
  const auto size = static_cast<uint64_t>(sum < 0 ? -sum : sum);
  const Wide spread =  // var * pixels^2
      difference(product(total.squares, static_cast<uint64_t>(pixels)), product(size, size));
  const double var = to_double(spread) / count / count;
  const double s = scale;
  const double gamma = k.gamma ? k.gamma[c] : 1.0f, beta = k.beta ? k.beta[c] : 0.0f;
  const double slope = gamma * s / std::sqrt(var * s * s + double{k.eps});
  const double shift = beta - slope * (static_cast<double>(rest) / count);
  static_cast<int32_t*>(out.middle)[at] = static_cast<int32_t>(middle);
  out.slope[at] = static_cast<float>(slope);
  out.shift[at] = static_cast<float>(shift);
}

struct MergeShared {
  uint64_t sum[3][kMergeThreads];

  __device__ __forceinline__ void add(int to, int from) {
#pragma unroll
    for (int q = 0; q < 3; ++q) sum[q][to] += sum[q][from];
  }
};

// Adds up the pieces of an image for 16 channels; reads 24 bytes per piece and channel.
__global__ void __launch_bounds__(kMergeThreads)
    integer_merge_kernel(const ImagePieces p, const uint64_t* partial, uint64_t* sums) {
  auto& shared = dynamic_shared<MergeShared>();
  const int cs = p.view.cs, thread = static_cast<int>(threadIdx.x);
  const int image = static_cast<int>(blockIdx.x);
  const int c = static_cast<int>(blockIdx.y) * kMergeColumns + thread % kMergeColumns;
  uint64_t sum[3] = {};
  for (int i = thread / kMergeColumns; c < cs && i < p.pieces; i += kMergeRows) {
    const uint64_t* from = partial + (int64_t{image} * p.pieces + i) * 3 * cs + c;
#pragma unroll
    for (int q = 0; q < 3; ++q) sum[q] += from[q * cs];
  }
#pragma unroll
  for (int q = 0; q < 3; ++q) shared.sum[q][thread] = sum[q];
  add_piece_rows(shared, thread, kMergeRows, kMergeColumns);
  if (thread >= kMergeColumns || c >= cs) return;
  uint64_t* to = sums + int64_t{image} * 3 * cs + c;
#pragma unroll
  for (int q = 0; q < 3; ++q) to[q * cs] = shared.sum[q][thread];
}

template <int kWidth>
void sum_up(Exec& e, const View& v, const int32_t* x, ExactSums sums) {
  Workspace::Scope scope(*e.workspace);
  const ImagePieces p = ImagePieces::of(v, kWidth);
  uint64_t* partial = e.workspace->take<uint64_t>(p.grid().x * 3 * v.cs);
  gpu::launch("integer_statistics", integer_statistics_kernel<kWidth>, p.grid(), {kPieceThreads},
              sizeof(PieceSums<kWidth>), e.stream, p, x, partial);
  gpu::launch("integer_merge", integer_merge_kernel, merge_grid(v.n, v.cs), {kMergeThreads},
              sizeof(MergeShared), e.stream, p, partial, sums.data);
}

void exact_sums(Exec& e, const View& v, const int32_t* x, ExactSums sums) {
  if (v.size() == 0) return;
  const bool wide = v.cs % 4 == 0 && aligned16(x);
  wide ? sum_up<4>(e, v, x, sums) : sum_up<1>(e, v, x, sums);
}

__global__ void __launch_bounds__(kMapThreads)
    integer_line_kernel(const View v, const uint64_t* sums, const float* scale,
                        const NormParameters k, const NormLine line) {
  const int64_t at = map_thread();
  if (at >= int64_t{v.n} * v.cs) return;
  const int64_t image = at / v.cs;
  const int c = static_cast<int>(at - image * v.cs);
  if (c >= v.c) {
    static_cast<int32_t*>(line.middle)[at] = 0;
    line.slope[at] = line.shift[at] = 0;
    return;
  }
  const uint64_t* of = sums + image * 3 * v.cs + c;
  const uint64_t low = of[v.cs], high = of[2 * v.cs];
  Wide squares{high >> 32, (high << 32) + low};
  if (squares.low < low) ++squares.high;
  set_line(line, at, {static_cast<int64_t>(of[0]), squares}, v.plane(), scale[c], k, c);
}

void norm_of_integers(Exec& e, const View& v, ExactSums sums, const float* scale,
                      const NormParameters& k, const NormLine& line) {
  if (v.size() == 0) return;
  gpu::launch("integer_line", integer_line_kernel, {map_blocks(int64_t{v.n} * v.cs)}, {kMapThreads},
              0, e.stream, v, static_cast<const uint64_t*>(sums.data), scale, k, line);
}

}  // namespace gsx::kernels::GSX_BACKEND::integers
