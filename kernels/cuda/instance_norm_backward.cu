// Instance norm, backward: two passes over x and gy. Sums per piece of an image, sums over the
// pieces, the gradients of gamma and beta over images, and then that of x.
#include "kernels/cuda/instance_norm_backward.h"

#include "kernels/cuda/instance_norm.h"

namespace gsx::kernels::GSX_BACKEND::norm {

// A thread's numbers for its channels, and the gradient with respect to z.
template <int kWidth, Activation A>
struct Channels {
  using L = convolution::Lanes<kWidth>;
  L mean, scale, shift;

  __device__ __forceinline__ Channels(const Coefficients& k, int64_t at)
      : mean(L::load(k.mean + at)), scale(L::load(k.scale + at)), shift(L::load(k.shift + at)) {}
  __device__ __forceinline__ float centred(const L& x, int i) const {
    return x.value[i] - mean.value[i];
  }
  __device__ __forceinline__ float gradient(const Epilogue<A>& epilogue, float centred, const L& gy,
                                            int i) const {
    return epilogue.backward(fmaf(centred, scale.value[i], shift.value[i]), gy.value[i]);
  }
};

// partial[image, piece, 2, cs]: the sums of gz and gz * (x - mean) over the piece. Reads x and gy,
// 8 bytes per element. Runs of a thread's pixels are summed in float, then in double.
template <int kWidth, Activation A>
__global__ void __launch_bounds__(kPieceThreads)
    gradient_sums_kernel(const ImagePieces p, const Epilogue<A> epilogue, const Coefficients k,
                         const float* x, const float* gy, double* partial) {
  using L = convolution::Lanes<kWidth>;
  const PieceThread t = PieceThread::of<kWidth>(p);
  double s1[kWidth] = {}, s2[kWidth] = {};
  if (t.active) {
    const Channels<kWidth, A> own(k, int64_t{t.image} * p.view.cs + t.channel);
    for (int begin = t.row; begin < t.pixels; begin += kTogether * p.rows) {
      L xs[kTogether], gs[kTogether], r1, r2;
#pragma unroll
      for (int j = 0; j < kTogether; ++j) {
        const int pixel = begin + j * p.rows;
        if (pixel >= t.pixels) continue;
        const int64_t at = t.first + int64_t{pixel} * p.view.cs;
        xs[j] = L::load(x + at);
        gs[j] = L::load(gy + at);
      }
#pragma unroll
      for (int j = 0; j < kTogether; ++j) {
        if (begin + j * p.rows >= t.pixels) continue;
#pragma unroll
        for (int i = 0; i < kWidth; ++i) {
          const float centred = own.centred(xs[j], i);
          const float g = own.gradient(epilogue, centred, gs[j], i);
          r1.value[i] += g;
          r2.value[i] = fmaf(g, centred, r2.value[i]);
        }
      }
#pragma unroll
      for (int i = 0; i < kWidth; ++i) {
        s1[i] += r1.value[i];
        s2[i] += r2.value[i];
      }
    }
  }
  store_piece_sums<kWidth>(p, t, s1, s2, partial);
}

// Where the gradients of gamma and beta go; null where nobody asks.
struct ParameterGradients {
  float *ggamma, *gbeta;
  bool accumulate_gamma, accumulate_beta;

  __device__ __forceinline__ void add(int c, double g, double g_xhat) const {
    const auto gamma = static_cast<float>(g_xhat), beta = static_cast<float>(g);
    if (ggamma) ggamma[c] = (accumulate_gamma ? ggamma[c] : 0.0f) + gamma;
    if (gbeta) gbeta[c] = (accumulate_beta ? gbeta[c] : 0.0f) + beta;
  }
};

// What the sums over an image's pixels become.
struct ImageSums {
  double *g, *g_xhat;     // [n, cs]: the sums of gz and gz * xhat
  float *mean_g, *slope;  // [n, cs]: gx = scale * (gz - mean_g - slope * (x - mean))
};

// Adds up the pieces of each image and channel. A batch of one has its parameters' gradients then.
__global__ void __launch_bounds__(kMergeThreads)
    gradient_finish_kernel(const ImagePieces p, const double* partial, const float eps,
                           const float* var, const ImageSums sums, const ParameterGradients out) {
  const View& v = p.view;
  const int image = static_cast<int>(blockIdx.x), thread = static_cast<int>(threadIdx.x);
  const int c = static_cast<int>(blockIdx.y) * kMergeColumns + thread % kMergeColumns;
  double g, g_xhat;
  merge(partial + int64_t{image} * p.pieces * 2 * v.cs + c, p.pieces, 2 * v.cs, v.cs, c < v.cs, g,
        g_xhat);
  if (thread >= kMergeColumns || c >= v.cs) return;
  const int64_t at = int64_t{image} * v.cs + c;
  const double inv =
      c < v.c ? 1.0 / std::sqrt(static_cast<double>(var[int64_t{image} * v.c + c]) + eps) : 0.0;
  const auto count = static_cast<double>(v.plane());
  g_xhat *= inv;
  sums.g[at] = g;
  sums.g_xhat[at] = g_xhat;
  sums.mean_g[at] = static_cast<float>(g / count);
  sums.slope[at] = static_cast<float>(g_xhat * inv / count);
  if (v.n == 1 && c < v.c) out.add(c, g, g_xhat);
}

// Adds up the images.
__global__ void __launch_bounds__(kMergeThreads)
    parameter_gradients_kernel(const View v, const ImageSums sums, const ParameterGradients out) {
  const int thread = static_cast<int>(threadIdx.x);
  const int c = static_cast<int>(blockIdx.y) * kMergeColumns + thread % kMergeColumns;
  double g, g_xhat;
  merge(sums.g + c, v.n, v.cs, sums.g_xhat - sums.g, c < v.c, g, g_xhat);
  if (thread < kMergeColumns && c < v.c) out.add(c, g, g_xhat);
}

// gx = scale * (gz - mean_g - slope * (x - mean)). Moves 12 bytes per element.
template <int kWidth, Activation A>
__global__ void __launch_bounds__(kPieceThreads)
    input_gradient_kernel(const ImagePieces p, const Epilogue<A> epilogue, const Coefficients k,
                          const ImageSums sums, const float* x, const float* gy, float* gx) {
  using L = convolution::Lanes<kWidth>;
  const PieceThread t = PieceThread::of<kWidth>(p);
  if (!t.active) return;
  const int64_t place = int64_t{t.image} * p.view.cs + t.channel;
  const Channels<kWidth, A> own(k, place);
  const L mean_g = L::load(sums.mean_g + place), slope = L::load(sums.slope + place);
  for (int begin = t.row; begin < t.pixels; begin += kTogether * p.rows) {
    L xs[kTogether], gs[kTogether];
#pragma unroll
    for (int j = 0; j < kTogether; ++j) {
      const int pixel = begin + j * p.rows;
      if (pixel >= t.pixels) continue;
      const int64_t at = t.first + int64_t{pixel} * p.view.cs;
      xs[j] = L::load(x + at);
      gs[j] = L::load(gy + at);
    }
#pragma unroll
    for (int j = 0; j < kTogether; ++j) {
      const int pixel = begin + j * p.rows;
      if (pixel >= t.pixels) continue;
#pragma unroll
      for (int i = 0; i < kWidth; ++i) {
        const float centred = own.centred(xs[j], i);
        const float g = own.gradient(epilogue, centred, gs[j], i) - mean_g.value[i];
        const float out = own.scale.value[i] * fmaf(-slope.value[i], centred, g);
        gs[j].value[i] = t.channel + i < p.view.c ? out : 0.0f;
      }
      gs[j].store(gx + t.first + int64_t{pixel} * p.view.cs);
    }
  }
}

namespace {

template <int kWidth>
void run(Exec& e, const View& v, const NormEpilogue& o, const InstanceNormBackward& t) {
  Workspace::Scope scope(*e.workspace);
  const ImagePieces p = ImagePieces::of(v, kWidth);
  const int64_t size = int64_t{v.n} * v.cs;
  double* partial = e.workspace->take<double>(p.grid().x * 2 * v.cs);
  double* totals = e.workspace->take<double>(2 * size);
  const ImageSums sums{totals, totals + size, e.workspace->take<float>(size),
                       e.workspace->take<float>(size)};
  const Coefficients k = coefficients(e, v, o.eps, t.gamma, t.beta, t.mean, t.var);
  const ParameterGradients out{t.ggamma, t.gbeta, t.accumulate_gamma, t.accumulate_beta};
  with_epilogue(o, [&]<Activation A>(const Epilogue<A>& epilogue) {
    gpu::launch("instance_norm_gradient_sums", gradient_sums_kernel<kWidth, A>, p.grid(),
                {kPieceThreads}, sizeof(PieceSums<kWidth>), e.stream, p, epilogue, k, t.x, t.gy,
                partial);
  });
  gpu::launch("instance_norm_gradient_finish", gradient_finish_kernel, merge_grid(v.n, v.cs),
              {kMergeThreads}, sizeof(MergeShared), e.stream, p, partial, o.eps, t.var, sums, out);
  if (v.n > 1 && (t.ggamma || t.gbeta)) {
    gpu::launch("instance_norm_parameter_gradients", parameter_gradients_kernel, merge_grid(1, v.c),
                {kMergeThreads}, sizeof(MergeShared), e.stream, v, sums, out);
  }
  if (!t.gx) return;
  with_epilogue(o, [&]<Activation A>(const Epilogue<A>& epilogue) {
    gpu::launch("instance_norm_input_gradient", input_gradient_kernel<kWidth, A>, p.grid(),
                {kPieceThreads}, 0, e.stream, p, epilogue, k, sums, t.x, t.gy, t.gx);
  });
}

}  // namespace

void backward(Exec& e, const View& v, const NormEpilogue& o, const InstanceNormBackward& t) {
  if (v.size() == 0) return;
  const bool wide = v.cs % 4 == 0 && aligned16(t.x) && aligned16(t.gy) && aligned16(t.gx);
  wide ? run<4>(e, v, o, t) : run<1>(e, v, o, t);
}

}  // namespace gsx::kernels::GSX_BACKEND::norm
