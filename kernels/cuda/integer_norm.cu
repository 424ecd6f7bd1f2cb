// Instance norm of exact integer sums: two passes over x, all sums exact, and the CPU's arithmetic
// in double, so that the bits are the same everywhere.
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

// y = fma(x - middle, a, b); [n, cs] each, all zero on padding lanes.
struct ScaleShift {
  int32_t* middle;
  float *a, *b;
};

struct NormParameters {
  const float *scale, *gamma, *beta;
  float eps;
};

struct Totals {
  int64_t sum;
  Wide squares;
};

// Of channel c; `at` is its place in [n, cs].
__device__ __forceinline__ void set_scale_shift(const ScaleShift& out, int64_t at,
                                                const Totals& total, int64_t pixels,
                                                const NormParameters& k, int c) {
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
  const double s = k.scale[c];
  const double gamma = k.gamma ? k.gamma[c] : 1.0f, beta = k.beta ? k.beta[c] : 0.0f;
  const double slope = gamma * s / std::sqrt(var * s * s + double{k.eps});
  const double shift = beta - slope * (static_cast<double>(rest) / count);
  out.middle[at] = static_cast<int32_t>(middle);
  out.a[at] = static_cast<float>(slope);
  out.b[at] = static_cast<float>(shift);
}

struct MergeShared {
  uint64_t sum[3][kMergeThreads];

  __device__ __forceinline__ void add(int to, int from) {
#pragma unroll
    for (int q = 0; q < 3; ++q) sum[q][to] += sum[q][from];
  }
};

// Adds up the pieces of an image for 16 channels and finishes them; reads 24 bytes per piece and
// channel.
__global__ void __launch_bounds__(kMergeThreads)
    integer_finish_kernel(const ImagePieces p, const uint64_t* partial, const NormParameters k,
                          const ScaleShift out) {
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
  const int64_t at = int64_t{image} * cs + c;
  if (c >= p.view.c) {
    out.middle[at] = 0;
    out.a[at] = out.b[at] = 0;
    return;
  }
  const uint64_t low = shared.sum[1][thread], high = shared.sum[2][thread];
  Wide squares{high >> 32, (high << 32) + low};
  if (squares.low < low) ++squares.high;
  set_scale_shift(out, at, {static_cast<int64_t>(shared.sum[0][thread]), squares}, p.view.plane(),
                  k, c);
}

// y = fma(x - middle, a, b). Moves 8 bytes per element.
template <int kWidth>
__global__ void __launch_bounds__(kPieceThreads)
    integer_norm_kernel(const ImagePieces p, const ScaleShift k, const int32_t* x, float* y) {
  using P = Pack<int32_t, kWidth>;
  using F = Pack<float, kWidth>;
  const PieceThread t = PieceThread::of<kWidth>(p);
  if (!t.active) return;
  const int64_t own = int64_t{t.image} * p.view.cs + t.channel;
  const P middle = P::load(k.middle + own);
  const F a = F::load(k.a + own), b = F::load(k.b + own);
  for (int begin = t.row; begin < t.pixels; begin += kTogether * p.rows) {
    P xs[kTogether];
#pragma unroll
    for (int j = 0; j < kTogether; ++j) {
      const int pixel = begin + j * p.rows;
      if (pixel < t.pixels) xs[j] = P::load(x + t.first + int64_t{pixel} * p.view.cs);
    }
#pragma unroll
    for (int j = 0; j < kTogether; ++j) {
      const int pixel = begin + j * p.rows;
      if (pixel >= t.pixels) continue;
      F out;
#pragma unroll
      for (int i = 0; i < kWidth; ++i) {
        const auto centred = static_cast<float>(xs[j].value[i] - middle.value[i]);
        out.value[i] = t.channel + i < p.view.c ? fmaf(centred, a.value[i], b.value[i]) : 0.0f;
      }
      out.store(y + t.first + int64_t{pixel} * p.view.cs);
    }
  }
}

template <int kWidth>
void run_norm(Exec& e, const View& v, const int32_t* x, const NormParameters& parameters,
              float* y) {
  Workspace::Scope scope(*e.workspace);
  const ImagePieces p = ImagePieces::of(v, kWidth);
  const int64_t size = int64_t{v.n} * v.cs;
  uint64_t* partial = e.workspace->take<uint64_t>(p.grid().x * 3 * v.cs);
  const ScaleShift k{e.workspace->take<int32_t>(size), e.workspace->take<float>(size),
                     e.workspace->take<float>(size)};
  gpu::launch("integer_statistics", integer_statistics_kernel<kWidth>, p.grid(), {kPieceThreads},
              sizeof(PieceSums<kWidth>), e.stream, p, x, partial);
  gpu::launch("integer_finish", integer_finish_kernel, merge_grid(v.n, v.cs), {kMergeThreads},
              sizeof(MergeShared), e.stream, p, partial, parameters, k);
  gpu::launch("integer_norm", integer_norm_kernel<kWidth>, p.grid(), {kPieceThreads}, 0, e.stream,
              p, k, x, y);
}

void instance_norm(Exec& e, const View& v, const int32_t* x, const float* scale, const float* gamma,
                   const float* beta, float eps, float* y) {
  if (v.size() == 0) return;
  const NormParameters k{scale, gamma, beta, eps};
  const bool wide = v.cs % 4 == 0 && aligned16(x) && aligned16(y);
  wide ? run_norm<4>(e, v, x, k, y) : run_norm<1>(e, v, x, k, y);
}

}  // namespace gsx::kernels::GSX_BACKEND::integers
