// Instance norm with what follows it fused in, one read for statistics and one read/write pass:
//   y = quantize(activate(gamma[c] * (x - mean[n,c]) / sqrt(var[n,c] + eps) + beta[c])) + residual
// mean and biased var over the pixels of each image and channel. Backward recomputes activation and
// clamp masks from x: nothing but x, mean and var is kept. Sums are chunked by shape (a few dozen
// pixels in float around the first of them, then double), so threads do not change them.
#pragma once
#include "kernels/exec.h"
#include "kernels/moments.h"
#include "kernels/scalar.h"
#include "kernels/view.h"

namespace gsx::kernels {

struct NormEpilogue {
  float eps = 1e-5f;
  Activation activation = Activation::none;  // or relu or leaky_relu
  float slope = 0.2f;
  bool quantized = false;
  Quantizer quantizer = {};
};

struct InstanceNormForward {
  const float* x;         // v
  const float* gamma;     // v.c floats, or null with beta
  const float* beta;      // v.c floats, or null with gamma
  const float* residual;  // v, or null
  Moments moments;        // of x: out, or in when `given`
  float* y;               // out: v, padding lanes zero
  bool given = false;     // the convolution before it took the moments
};

struct InstanceNormBackward {
  const float* x;
  const float* gamma;
  const float* beta;
  const float* mean;
  const float* var;
  const float* gy;  // v; the residual's gradient is gy itself
  float* gx;        // out: v, or null
  float* ggamma;    // (+)=: v.c floats, or null
  float* gbeta;     // (+)=: v.c floats, or null
  bool accumulate_gamma, accumulate_beta;
};

struct InstanceNormKernels {
  // The first pass alone.
  void (*moments)(Exec&, const View&, const float* x, Moments);
  void (*forward)(Exec&, const View&, const NormEpilogue&, const InstanceNormForward&);
  void (*backward)(Exec&, const View&, const NormEpilogue&, const InstanceNormBackward&);
};
extern const InstanceNormKernels cpu_instance_norm;

}  // namespace gsx::kernels
