// Fully connected layers.
#include "kernels/linear.h"

#include "engine/ops/common.h"

namespace gsx {
using namespace ops;

Tensor linear(const Tensor& x, const Tensor& w, const Tensor& bias) {
  check_f32("linear", "x", x);
  check_f32("linear", "w", w);
  GSX_CHECK(x.shape().rank() == 2, "linear: x must have shape [N, F], got ", x.shape(),
            "; reshape it first");
  GSX_CHECK(w.shape().rank() == 2 && w.dim(1) == x.dim(1), "linear: w must have shape [O, ",
            x.dim(1), "] to match x ", x.shape(), ", got ", w.shape());
  if (bias.defined()) check_shape("linear", "bias", bias, Shape{w.dim(0)});
  const kernels::LinearShape shape{static_cast<int>(x.dim(0)), static_cast<int>(x.dim(1)),
                                   static_cast<int>(w.dim(0))};
  Tensor y = Tensor::empty(x.context(), {x.dim(0), w.dim(0)});
  on(x.device(), kernels::cpu_linear)
      .forward(x.exec(), shape, x.f32(), w.f32(), data_or_null(bias), out(y));
  return record(y, "linear", {x, w, bias},
                [shape, x = x.detach(), w = w.detach()](const Tensor& gy, Grads& grads) {
                  const auto& table = on(x.device(), kernels::cpu_linear);
                  if (grads.wants(0)) {
                    Tensor gx = Tensor::empty_like(x);
                    table.backward_input(x.exec(), shape, gy.f32(), w.f32(), out(gx));
                    grads.add(0, gx);
                  }
                  if (grads.wants(1)) {
                    const auto t = grads.accumulate_into(1);
                    table.backward_weight(x.exec(), shape, x.f32(), gy.f32(), t.accumulate,
                                          out(t.buffer));
                  }
                  if (grads.wants(2)) {
                    const auto t = grads.accumulate_into(2);
                    table.backward_bias(x.exec(), shape, gy.f32(), t.accumulate, out(t.buffer));
                  }
                });
}

}  // namespace gsx
