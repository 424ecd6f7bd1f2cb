// Instance norm with its fused epilogue.
#include "engine/ops/common.h"

namespace gsx {
using namespace ops;

namespace {

void backward(const kernels::NormEpilogue& epilogue, const Tensor& x, const Tensor& gamma,
              const Tensor& beta, const Tensor& mean, const Tensor& var, const Tensor& gy,
              Grads& grads) {
  if (grads.wants(3)) grads.add(3, gy);
  if (!grads.wants(0) && !grads.wants(1) && !grads.wants(2)) return;
  Tensor gx;
  Grads::Target gg, gb;
  if (grads.wants(0)) gx = Tensor::empty_like(x);
  if (grads.wants(1)) gg = grads.accumulate_into(1);
  if (grads.wants(2)) gb = grads.accumulate_into(2);
  const auto pointer = [](const Tensor& t) { return t.defined() ? out(t) : nullptr; };
  x.backend().instance_norm.backward(x.exec(), x.view(), epilogue,
                                     {.x = in(x),
                                      .gamma = in_or_null(gamma),
                                      .beta = in_or_null(beta),
                                      .mean = in(mean),
                                      .var = in(var),
                                      .gy = in(gy),
                                      .gx = pointer(gx),
                                      .ggamma = pointer(gg.buffer),
                                      .gbeta = pointer(gb.buffer),
                                      .accumulate_gamma = gg.accumulate,
                                      .accumulate_beta = gb.accumulate});
  if (gx.defined()) grads.add(0, gx);
}

void check_moments(const Moments& moments, const Tensor& x) {
  GSX_CHECK(moments.mean.defined() == moments.var.defined(),
            "instance_norm: moments must hold both mean and var or neither");
  if (!moments.mean.defined()) return;
  const Shape want{x.dim(0), x.dim(1)};
  for (const Tensor& t : {moments.mean, moments.var}) {
    check_f32("instance_norm", "moments", t);
    GSX_CHECK(t.shape() == want, "instance_norm: moments must have shape ", want,
              " to match x, got ", t.shape());
    check_device("instance_norm", "moments", t, "x", x);
  }
}

// The kernel fuses what networks have behind a norm; the other activations take their own pass.
Tensor unfused(const Tensor& x, const Tensor& gamma, const Tensor& beta, const NormOptions& options,
               const Tensor& residual, const Moments& moments) {
  Tensor y = instance_norm(x, gamma, beta, {.eps = options.eps, .quantize = {}}, {}, moments);
  y = activate(y, options.activation);
  if (options.quantize) y = fake_quantize(y, *options.quantize);
  return residual.defined() ? add(y, residual) : y;
}

}  // namespace

Tensor instance_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                     const NormOptions& options, const Tensor& residual, const Moments& moments) {
  check_image("instance_norm", "x", x);
  check_scale_shift("instance_norm", gamma, beta, x);
  if (residual.defined()) check_like("instance_norm", "residual", residual, "x", x);
  check_moments(moments, x);
  GSX_CHECK(options.eps > 0, "instance_norm: eps must be positive, got ", options.eps);
  if (options.activation == Activation::tanh || options.activation == Activation::sigmoid)
    return unfused(x, gamma, beta, options, residual, moments);
  kernels::NormEpilogue epilogue{
      options.eps, options.activation, options.slope, options.quantize.has_value(), {}};
  if (options.quantize) epilogue.quantizer = quantizer_of("instance_norm", *options.quantize);
  Tensor y = Tensor::empty_like(x);
  const bool given = moments.mean.defined();
  const Tensor mean = given ? moments.mean : Tensor::empty(x.context(), {x.dim(0), x.dim(1)}),
               var = given ? moments.var : Tensor::empty_like(mean);
  x.backend().instance_norm.forward(x.exec(), x.view(), epilogue,
                                    {.x = in(x),
                                     .gamma = in_or_null(gamma),
                                     .beta = in_or_null(beta),
                                     .residual = in_or_null(residual),
                                     .moments = {out(mean), out(var)},
                                     .y = out(y),
                                     .given = given});
  return record(y, "instance_norm", {x, gamma, beta, residual},
                [epilogue, x = x.detach(), gamma, beta, mean, var](const Tensor& gy, Grads& grads) {
                  backward(epilogue, x, gamma, beta, mean, var, gy, grads);
                });
}

}  // namespace gsx
