// What the passes of instance norm share: what an image's channels are normalised by, the epilogue,
// and sums over pixels.
#pragma once
#include "kernels/cuda/image_pieces.h"
#include "kernels/instance_norm.h"

namespace gsx::kernels::GSX_BACKEND::norm {

constexpr int kTogether = 4;  // pixels of a thread whose loads are under way together

// z = (x - mean) * scale + shift; [n, cs] each, all zero on padding lanes.
struct Coefficients {
  float *mean, *scale, *shift;

  // Those of channel c of an image; `at` is its place in [n, cs]. Gives 1 / sqrt(var + eps).
  // In double, so that forward and backward agree with each other and with the CPU on which side of
  // a kink every z lies.
  __device__ __forceinline__ double set(int64_t at, float m, float var, float eps,
                                        const float* gamma, const float* beta, int c) const {
    const double inv = 1.0 / std::sqrt(static_cast<double>(var) + eps);
    mean[at] = m;
    scale[at] = static_cast<float>(gamma ? gamma[c] * inv : inv);
    shift[at] = beta ? beta[c] : 0.0f;
    return inv;
  }
  __device__ __forceinline__ void set_padding(int64_t at) const {
    mean[at] = scale[at] = shift[at] = 0;
  }
};
// Those of every image and channel, in the workspace; mean and var: [n, c].
Coefficients coefficients(Exec&, const View&, float eps, const float* gamma, const float* beta,
                          const float* mean, const float* var);

// What follows the norm.
template <Activation A>
struct Epilogue {
  NormEpilogue o;

  __device__ __forceinline__ float forward(float z) const {
    const float a = scalar::activate<A>(z, o.slope);
    return o.quantized ? scalar::quantize(a, o.quantizer) : a;
  }
  // The gradient with respect to z. Selects rather than multiplies: no NaN from an infinite g.
  __device__ __forceinline__ float backward(float z, float g) const {
    if (o.quantized) {
      const float a = scalar::activate<A>(z, o.slope);
      g = scalar::quantize_slope(a, o.quantizer) > 0 ? g : 0.0f;
    }
    if constexpr (A == Activation::relu) g = z > 0 ? g : 0.0f;
    if constexpr (A == Activation::leaky_relu) g = z > 0 ? g : g * o.slope;
    return g;
  }
};

// Calls f(Epilogue) with the activation as a constant.
template <class F>
void with_epilogue(const NormEpilogue& o, F&& f) {
  switch (o.activation) {
    case Activation::relu: return f(Epilogue<Activation::relu>{o});
    case Activation::leaky_relu: return f(Epilogue<Activation::leaky_relu>{o});
    default: return f(Epilogue<Activation::none>{o});
  }
}

// Two sums per channel over a block's pixels, by thread; quantity-major, so that neighbouring
// threads use neighbouring banks.
template <int kWidth>
struct PieceSums {
  double sum[2 * kWidth][kPieceThreads];

  __device__ __forceinline__ void add(int to, int from) {
#pragma unroll
    for (int i = 0; i < 2 * kWidth; ++i) sum[i][to] += sum[i][from];
  }
};

// partial[image, piece, 2, cs]: the block's sums s1, s2 per channel.
template <int kWidth>
__device__ __forceinline__ void store_piece_sums(const ImagePieces& p, const PieceThread& t,
                                                 const double (&s1)[kWidth],
                                                 const double (&s2)[kWidth], double* partial) {
  auto& shared = dynamic_shared<PieceSums<kWidth>>();
#pragma unroll
  for (int i = 0; i < kWidth; ++i) {
    shared.sum[i][t.thread] = s1[i];
    shared.sum[kWidth + i][t.thread] = s2[i];
  }
  add_piece_rows(shared, t.thread, p.rows, p.columns);
  if (!t.active || t.row > 0) return;
  double* to = partial + int64_t{blockIdx.x} * 2 * p.view.cs + t.channel;
#pragma unroll
  for (int i = 0; i < kWidth; ++i) {
    to[i] = shared.sum[i][t.thread];
    to[p.view.cs + i] = shared.sum[kWidth + i][t.thread];
  }
}

struct MergeShared {
  double sum[2][kMergeThreads];

  __device__ __forceinline__ void add(int to, int from) {
    sum[0][to] += sum[0][from];
    sum[1][to] += sum[1][from];
  }
};

// The sums of from[i * stride] and from[i * stride + second] over i < count, in threads below 16;
// `from` is where this thread's channel has its first. Zero where not valid.
__device__ __forceinline__ void merge(const double* from, int64_t count, int64_t stride,
                                      int64_t second, bool valid, double& s1, double& s2) {
  auto& shared = dynamic_shared<MergeShared>();
  const int thread = static_cast<int>(threadIdx.x);
  s1 = s2 = 0;
  if (valid) {
#pragma unroll 4
    for (int64_t i = thread / kMergeColumns; i < count; i += kMergeRows) {
      s1 += from[i * stride];
      s2 += from[i * stride + second];
    }
  }
  shared.sum[0][thread] = s1;
  shared.sum[1][thread] = s2;
  add_piece_rows(shared, thread, kMergeRows, kMergeColumns);
  s1 = shared.sum[0][thread];
  s2 = shared.sum[1][thread];
}

// The moments of `count` values from the sums of d and d^2, d = value - origin.
__device__ __forceinline__ void store_moments(const Moments& out, int64_t at, float origin,
                                              double s1, double s2, int64_t count) {
  const auto n = static_cast<double>(count);
  const double shift = s1 / n, spread = s2 / n - shift * shift;
  out.mean[at] = static_cast<float>(origin + shift);
  out.var[at] = static_cast<float>(spread < 0 ? 0.0 : spread);  // keeps a NaN
}

}  // namespace gsx::kernels::GSX_BACKEND::norm
