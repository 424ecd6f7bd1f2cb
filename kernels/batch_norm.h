// What batch norm needs beside instance norm (training: a batch is one tall image) and
// channel_affine (evaluation): the running statistics. All arrays: c floats.
#pragma once
#include "kernels/exec.h"

namespace gsx::kernels {

struct BatchNormKernels {
  // running_mean = (1-m)*running_mean + m*mean; running_var likewise with the unbiased variance
  // var * count / (count - 1).
  void (*update_running)(Exec&, int c, int64_t count, float momentum, const float* mean,
                         const float* var, float* running_mean, float* running_var);
  // scale = gamma / sqrt(var + eps), shift = beta - mean * scale, factor = 1 / sqrt(var + eps);
  // gamma and beta may both be null.
  void (*fold)(Exec&, int c, float eps, const float* mean, const float* var, const float* gamma,
               const float* beta, float* scale, float* shift, float* factor);
};
extern const BatchNormKernels cpu_batch_norm;

}  // namespace gsx::kernels
