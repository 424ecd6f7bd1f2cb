// Fused instance norm, forward: two passes over x. Sums per piece of an image, sums over the
// pieces, and then the norm with its epilogue.
#include "kernels/cuda/instance_norm.h"

#include "kernels/cuda/instance_norm_backward.h"
#include "kernels/cuda/tables.h"

namespace gsx::kernels::GSX_BACKEND {
namespace norm {

constexpr int kRun = 16;    // pixels of a thread summed in float before double takes over
constexpr int kAtOnce = 8;  // pixels of a run whose loads are under way together

// partial[image, piece, 2, cs]: the sums of d and d^2 over the piece, d = x - (the image's first
// pixel). Reads x once, 4 bytes per element. A thread sums runs of 16 of its pixels in float around
// the run's first, of which none can lie far from the run's mean in units of its deviation; moving
// the sums to the image's first pixel happens in double, where all digits survive.
template <int kWidth>
__global__ void __launch_bounds__(kPieceThreads)
    statistics_kernel(const ImagePieces p, const float* x, double* partial) {
  using L = convolution::Lanes<kWidth>;
  const PieceThread t = PieceThread::of<kWidth>(p);
  double s1[kWidth] = {}, s2[kWidth] = {};
  if (t.active) {
    const L origin = L::load(x + int64_t{t.image} * p.view.image() + t.channel);
    const float* from = x + t.first;
    for (int begin = t.row; begin < t.pixels; begin += kRun * p.rows) {
      const L first = L::load(from + int64_t{begin} * p.view.cs);
      L r1, r2;
      int count = 0;
#pragma unroll 1
      for (int part = 0; part < kRun; part += kAtOnce) {
        L values[kAtOnce];
#pragma unroll
        for (int j = 0; j < kAtOnce; ++j) {  // beyond the end: the first again, which adds nothing
          const int pixel = begin + (part + j) * p.rows;
          const bool inside = pixel < t.pixels;
          count += inside;
          values[j] = L::load(from + int64_t{inside ? pixel : begin} * p.view.cs);
        }
#pragma unroll
        for (int j = 0; j < kAtOnce; ++j) {
#pragma unroll
          for (int i = 0; i < kWidth; ++i) {
            const float d = values[j].value[i] - first.value[i];
            r1.value[i] += d;
            r2.value[i] = fmaf(d, d, r2.value[i]);
          }
        }
      }
#pragma unroll
      for (int i = 0; i < kWidth; ++i) {
        const double move = static_cast<double>(first.value[i]) - origin.value[i],
                     sum = r1.value[i];
        s1[i] += sum + count * move;
        s2[i] += r2.value[i] + move * (2 * sum + count * move);
      }
    }
  }
  store_piece_sums<kWidth>(p, t, s1, s2, partial);
}

struct MeanVar {
  const float *x, *gamma, *beta;
  float *mean, *var;
};

// mean, var [n, c] and the coefficients from the pieces' sums; reads 16 bytes per piece and
// channel.
__global__ void __launch_bounds__(kMergeThreads)
    finish_kernel(const ImagePieces p, const double* partial, const float eps, const MeanVar a,
                  const Coefficients k) {
  const View& v = p.view;
  const int image = static_cast<int>(blockIdx.x), thread = static_cast<int>(threadIdx.x);
  const int c = static_cast<int>(blockIdx.y) * kMergeColumns + thread % kMergeColumns;
  double s1, s2;
  merge(partial + int64_t{image} * p.pieces * 2 * v.cs + c, p.pieces, 2 * v.cs, v.cs, c < v.cs, s1,
        s2);
  if (thread >= kMergeColumns || c >= v.cs) return;
  const int64_t at = int64_t{image} * v.cs + c;
  if (c >= v.c) return k.set_padding(at);
  const auto count = static_cast<double>(v.plane());
  const double shift = s1 / count, spread = s2 / count - shift * shift;
  const auto mean = static_cast<float>(a.x[image * v.image() + c] + shift);
  const auto var = static_cast<float>(spread < 0 ? 0.0 : spread);  // keeps a NaN
  a.mean[int64_t{image} * v.c + c] = mean;
  a.var[int64_t{image} * v.c + c] = var;
  k.set(at, mean, var, eps, a.gamma, a.beta, c);
}

// y = epilogue((x - mean) * scale + shift) + residual. Moves 8 bytes per element, 12 with a
// residual.
template <int kWidth, Activation A>
__global__ void __launch_bounds__(kPieceThreads)
    forward_kernel(const ImagePieces p, const Epilogue<A> epilogue, const Coefficients k,
                   const float* x, const float* residual, float* y) {
  using L = convolution::Lanes<kWidth>;
  const PieceThread t = PieceThread::of<kWidth>(p);
  if (!t.active) return;
  const int64_t own = int64_t{t.image} * p.view.cs + t.channel;
  const L mean = L::load(k.mean + own), scale = L::load(k.scale + own),
          shift = L::load(k.shift + own);
  for (int begin = t.row; begin < t.pixels; begin += kTogether * p.rows) {
    L v[kTogether], r[kTogether];
#pragma unroll
    for (int j = 0; j < kTogether; ++j) {
      const int pixel = begin + j * p.rows;
      if (pixel >= t.pixels) continue;
      const int64_t at = t.first + int64_t{pixel} * p.view.cs;
      v[j] = L::load(x + at);
      if (residual) r[j] = L::load(residual + at);
    }
#pragma unroll
    for (int j = 0; j < kTogether; ++j) {
      const int pixel = begin + j * p.rows;
      if (pixel >= t.pixels) continue;
#pragma unroll
      for (int i = 0; i < kWidth; ++i) {
        const float z = fmaf(v[j].value[i] - mean.value[i], scale.value[i], shift.value[i]);
        const float out = epilogue.forward(z) + r[j].value[i];
        v[j].value[i] = t.channel + i < p.view.c ? out : 0.0f;
      }
      v[j].store(y + t.first + int64_t{pixel} * p.view.cs);
    }
  }
}

template <int kWidth>
void forward(Exec& e, const View& v, const NormEpilogue& o, const InstanceNormForward& t) {
  Workspace::Scope scope(*e.workspace);
  const ImagePieces p = ImagePieces::of(v, kWidth);
  double* partial = e.workspace->take<double>(p.grid().x * 2 * v.cs);
  const Coefficients k = Coefficients::take(e, v);
  gpu::launch("instance_norm_statistics", statistics_kernel<kWidth>, p.grid(), {kPieceThreads},
              sizeof(PieceSums<kWidth>), e.stream, p, t.x, partial);
  gpu::launch("instance_norm_finish", finish_kernel, merge_grid(v.n, v.cs), {kMergeThreads},
              sizeof(MergeShared), e.stream, p, partial, o.eps,
              MeanVar{t.x, t.gamma, t.beta, t.mean, t.var}, k);
  with_epilogue(o, [&]<Activation A>(const Epilogue<A>& epilogue) {
    gpu::launch("instance_norm_forward", forward_kernel<kWidth, A>, p.grid(), {kPieceThreads}, 0,
                e.stream, p, epilogue, k, t.x, t.residual, t.y);
  });
}

}  // namespace norm

namespace {

void forward(Exec& e, const View& v, const NormEpilogue& o, const InstanceNormForward& t) {
  if (v.size() == 0) return;
  const bool wide = v.cs % 4 == 0 && aligned16(t.x) && aligned16(t.residual) && aligned16(t.y);
  wide ? norm::forward<4>(e, v, o, t) : norm::forward<1>(e, v, o, t);
}

}  // namespace

const InstanceNormKernels instance_norm = {forward, norm::backward};

}  // namespace gsx::kernels::GSX_BACKEND
