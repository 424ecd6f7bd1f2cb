// Batch norm: in training, instance norm of the batch taken as one tall image; in evaluation, a
// channel_affine folded from the running statistics.
#include "engine/ops/common.h"

namespace gsx {
using namespace ops;

namespace {

struct Targets {
  Grads::Target gamma, beta;
  float* gamma_data = nullptr;
  float* beta_data = nullptr;
};

Targets parameter_targets(Grads& grads) {
  Targets t;
  if (grads.wants(1)) {
    t.gamma = grads.accumulate_into(1);
    t.gamma_data = out(t.gamma.buffer);
  }
  if (grads.wants(2)) {
    t.beta = grads.accumulate_into(2);
    t.beta_data = out(t.beta.buffer);
  }
  return t;
}

// The batch as one image: NHWC storage is the same.
kernels::View tall(const Tensor& x) {
  const kernels::View v = x.view();
  return kernels::View::of(1, v.n * v.h, v.w, v.c);
}

Tensor train(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& running_mean,
             const Tensor& running_var, const BatchNormOptions& options) {
  const kernels::View v = tall(x);
  GSX_CHECK(v.pixels() > 1,
            "batch_norm: training needs more than one value per channel, got x of shape ",
            x.shape());
  const kernels::NormEpilogue epilogue{options.eps, Activation::none, 0.0f, false, {}};
  Tensor y = Tensor::empty_like(x);
  const Tensor mean = Tensor::empty(x.context(), {x.dim(1)}), var = Tensor::empty_like(mean);
  x.backend().instance_norm.forward(
      x.exec(), v, epilogue,
      {in(x), in_or_null(gamma), in_or_null(beta), nullptr, {out(mean), out(var)}, out(y)});
  x.backend().batch_norm.update_running(x.exec(), v.c, v.pixels(), options.momentum, in(mean),
                                        in(var), out(running_mean), out(running_var));
  return record(y, "batch_norm", {x, gamma, beta},
                [=, x = x.detach()](const Tensor& gy, Grads& grads) {
                  Tensor gx;
                  if (grads.wants(0)) gx = Tensor::empty_like(x);
                  const Targets t = parameter_targets(grads);
                  x.backend().instance_norm.backward(
                      x.exec(), v, epilogue,
                      {in(x), in_or_null(gamma), in_or_null(beta), in(mean), in(var), in(gy),
                       gx.defined() ? out(gx) : nullptr, t.gamma_data, t.beta_data,
                       t.gamma.accumulate, t.beta.accumulate});
                  if (gx.defined()) grads.add(0, gx);
                });
}

Tensor evaluate(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                const Tensor& running_mean, const Tensor& running_var,
                const BatchNormOptions& options) {
  const kernels::View v = x.view();
  const Tensor scale = Tensor::empty(x.context(), {x.dim(1)}), shift = Tensor::empty_like(scale),
               factor = Tensor::empty_like(scale);
  x.backend().batch_norm.fold(x.exec(), v.c, options.eps, in(running_mean), in(running_var),
                              in_or_null(gamma), in_or_null(beta), out(scale), out(shift),
                              out(factor));
  Tensor y = Tensor::empty_like(x);
  x.backend().channel_affine.forward(x.exec(), v, in(x), in(scale), in(shift), out(y));
  return record(y, "batch_norm", {x, gamma, beta},
                [=, x = x.detach()](const Tensor& gy, Grads& grads) {
                  const auto& table = x.backend().channel_affine;
                  if (grads.wants(0)) {
                    Tensor gx = Tensor::empty_like(x);
                    table.backward_input(x.exec(), v, in(gy), in(scale), out(gx));
                    grads.add(0, gx);
                  }
                  if (!grads.wants(1) && !grads.wants(2)) return;
                  const Targets t = parameter_targets(grads);
                  table.backward_parameters(
                      x.exec(), v, in(x), in(gy), in(running_mean), in(factor),
                      {t.gamma_data, t.beta_data, t.gamma.accumulate, t.beta.accumulate});
                });
}

}  // namespace

Tensor batch_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                  const Tensor& running_mean, const Tensor& running_var,
                  const BatchNormOptions& options) {
  check_image("batch_norm", "x", x);
  check_scale_shift("batch_norm", gamma, beta, x);
  check_channels("batch_norm", "running_mean", running_mean, x);
  check_channels("batch_norm", "running_var", running_var, x);
  GSX_CHECK(options.eps > 0, "batch_norm: eps must be positive, got ", options.eps);
  return options.training ? train(x, gamma, beta, running_mean, running_var, options)
                          : evaluate(x, gamma, beta, running_mean, running_var, options);
}

}  // namespace gsx
