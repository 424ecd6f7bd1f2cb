// Batch norm's running statistics: a thread per channel, in double as on the CPU.
#include "kernels/batch_norm.h"

#include <cmath>

#include "kernels/cuda/map.h"
#include "kernels/cuda/tables.h"

namespace gsx::kernels::GSX_BACKEND {

namespace running {

struct Statistics {
  const float *mean, *var;
  float *running_mean, *running_var;
  int c;
};

// Moves 24 bytes per channel.
__global__ void __launch_bounds__(kMapThreads)
    update_kernel(const Statistics p, const double momentum, const double unbiased) {
  const int64_t c = map_thread();
  if (c >= p.c) return;
  p.running_mean[c] =
      static_cast<float>((1.0 - momentum) * p.running_mean[c] + momentum * p.mean[c]);
  p.running_var[c] =
      static_cast<float>((1.0 - momentum) * p.running_var[c] + momentum * unbiased * p.var[c]);
}

struct Fold {
  const float *mean, *var, *gamma, *beta;  // gamma and beta may be null
  float *scale, *shift, *factor;
  int c;
  float eps;
};

// Moves 28 bytes per channel.
__global__ void __launch_bounds__(kMapThreads) fold_kernel(const Fold p) {
  const int64_t c = map_thread();
  if (c >= p.c) return;
  const double inv = 1.0 / std::sqrt(static_cast<double>(p.var[c]) + p.eps);
  const double a = (p.gamma ? p.gamma[c] : 1.0f) * inv;
  p.factor[c] = static_cast<float>(inv);
  p.scale[c] = static_cast<float>(a);
  p.shift[c] = static_cast<float>((p.beta ? p.beta[c] : 0.0f) - p.mean[c] * a);
}

}  // namespace running

namespace {

void update_running(Exec& e, int c, int64_t count, float momentum, const float* mean,
                    const float* var, float* running_mean, float* running_var) {
  const double unbiased = static_cast<double>(count) / static_cast<double>(count - 1);
  const running::Statistics p = {mean, var, running_mean, running_var, c};
  gpu::launch("batch_norm_update", running::update_kernel, {map_blocks(c)}, {kMapThreads}, 0,
              e.stream, p, static_cast<double>(momentum), unbiased);
}

void fold(Exec& e, int c, float eps, const float* mean, const float* var, const float* gamma,
          const float* beta, float* scale, float* shift, float* factor) {
  const running::Fold p = {mean, var, gamma, beta, scale, shift, factor, c, eps};
  gpu::launch("batch_norm_fold", running::fold_kernel, {map_blocks(c)}, {kMapThreads}, 0, e.stream,
              p);
}

}  // namespace

const BatchNormKernels batch_norm = {update_running, fold};

}  // namespace gsx::kernels::GSX_BACKEND
