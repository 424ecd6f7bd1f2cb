// Batch norm's running statistics: a few operations per channel.
#include "kernels/batch_norm.h"

#include <cmath>

namespace gsx::kernels {
namespace {

void update_running(Exec&, int c, int64_t count, float momentum, const float* mean,
                    const float* var, float* running_mean, float* running_var) {
  const double unbiased = static_cast<double>(count) / static_cast<double>(count - 1);
  for (int i = 0; i < c; ++i) {
    running_mean[i] = static_cast<float>((1.0 - momentum) * running_mean[i] +
                                         static_cast<double>(momentum) * mean[i]);
    running_var[i] = static_cast<float>((1.0 - momentum) * running_var[i] +
                                        static_cast<double>(momentum) * unbiased * var[i]);
  }
}

void fold(Exec&, int c, float eps, const float* mean, const float* var, const float* gamma,
          const float* beta, float* scale, float* shift, float* factor) {
  for (int i = 0; i < c; ++i) {
    const double inv = 1.0 / std::sqrt(static_cast<double>(var[i]) + eps);
    const double a = (gamma ? gamma[i] : 1.0f) * inv;
    factor[i] = static_cast<float>(inv);
    scale[i] = static_cast<float>(a);
    shift[i] = static_cast<float>((beta ? beta[i] : 0.0f) - mean[i] * a);
  }
}

}  // namespace

const BatchNormKernels cpu_batch_norm = {update_running, fold};

}  // namespace gsx::kernels
