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

// The moments of x from the pieces' sums; reads 16 bytes per piece and channel.
__global__ void __launch_bounds__(kMergeThreads)
    finish_kernel(const ImagePieces p, const double* partial, const float* x, const Moments out) {
  const View& v = p.view;
  const int image = static_cast<int>(blockIdx.x), thread = static_cast<int>(threadIdx.x);
  const int c = static_cast<int>(blockIdx.y) * kMergeColumns + thread % kMergeColumns;
  double s1, s2;
  merge(partial + int64_t{image} * p.pieces * 2 * v.cs + c, p.pieces, 2 * v.cs, v.cs, c < v.cs, s1,
        s2);
  if (thread >= kMergeColumns || c >= v.c) return;
  store_moments(out, int64_t{image} * v.c + c, x[image * v.image() + c], s1, s2, v.plane());
}

// The coefficients from the moments, a thread per image and channel.
__global__ void __launch_bounds__(kMapThreads)
    coefficients_kernel(const View v, const float* mean, const float* var, const float eps,
                        const float* gamma, const float* beta, const Coefficients k) {
  const int64_t at = map_thread();
  if (at >= int64_t{v.n} * v.cs) return;
  const int64_t image = at / v.cs;
  const int c = static_cast<int>(at - image * v.cs);
  if (c >= v.c) return k.set_padding(at);
  k.set(at, mean[image * v.c + c], var[image * v.c + c], eps, gamma, beta, c);
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

Coefficients coefficients(Exec& e, const View& v, float eps, const float* gamma, const float* beta,
                          const float* mean, const float* var) {
  const int64_t size = int64_t{v.n} * v.cs;
  const Coefficients k = {e.workspace->take<float>(size), e.workspace->take<float>(size),
                          e.workspace->take<float>(size)};
  gpu::launch("instance_norm_coefficients", coefficients_kernel, {map_blocks(size)}, {kMapThreads},
              0, e.stream, v, mean, var, eps, gamma, beta, k);
  return k;
}

template <int kWidth>
void moments(Exec& e, const View& v, const float* x, Moments out) {
  Workspace::Scope scope(*e.workspace);
  const ImagePieces p = ImagePieces::of(v, kWidth);
  double* partial = e.workspace->take<double>(p.grid().x * 2 * v.cs);
  gpu::launch("instance_norm_statistics", statistics_kernel<kWidth>, p.grid(), {kPieceThreads},
              sizeof(PieceSums<kWidth>), e.stream, p, x, partial);
  gpu::launch("instance_norm_finish", finish_kernel, merge_grid(v.n, v.c), {kMergeThreads},
              sizeof(MergeShared), e.stream, p, partial, x, out);
}

template <int kWidth>
void forward(Exec& e, const View& v, const NormEpilogue& o, const InstanceNormForward& t) {
  if (!t.given) moments<kWidth>(e, v, t.x, t.moments);
  Workspace::Scope scope(*e.workspace);
  const ImagePieces p = ImagePieces::of(v, kWidth);
  const Coefficients k = coefficients(e, v, o.eps, t.gamma, t.beta, t.moments.mean, t.moments.var);
  with_epilogue(o, [&]<Activation A>(const Epilogue<A>& epilogue) {
    gpu::launch("instance_norm_forward", forward_kernel<kWidth, A>, p.grid(), {kPieceThreads}, 0,
                e.stream, p, epilogue, k, t.x, t.residual, t.y);
  });
}

}  // namespace norm

namespace {

void moments(Exec& e, const View& v, const float* x, Moments out) {
  if (v.size() == 0) return;
  v.cs % 4 == 0 && aligned16(x) ? norm::moments<4>(e, v, x, out) : norm::moments<1>(e, v, x, out);
}

void forward(Exec& e, const View& v, const NormEpilogue& o, const InstanceNormForward& t) {
  if (v.size() == 0) return;
  const bool wide = v.cs % 4 == 0 && aligned16(t.x) && aligned16(t.residual) && aligned16(t.y);
  wide ? norm::forward<4>(e, v, o, t) : norm::forward<1>(e, v, o, t);
}

}  // namespace

const InstanceNormKernels instance_norm = {moments, forward, norm::backward};

}  // namespace gsx::kernels::GSX_BACKEND
