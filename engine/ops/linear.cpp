// Fully connected layers.
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
  check_device("linear", "w", w, "x", x);
  if (bias.defined()) {
    check_f32("linear", "bias", bias);
    GSX_CHECK(bias.shape() == Shape{w.dim(0)}, "linear: bias must have shape ", Shape{w.dim(0)},
              ", got ", bias.shape());
    check_device("linear", "bias", bias, "x", x);
  }
  const kernels::LinearShape shape{static_cast<int>(x.dim(0)), static_cast<int>(x.dim(1)),
                                   static_cast<int>(w.dim(0))};
  Tensor y = Tensor::empty(x.context(), {x.dim(0), w.dim(0)});
  x.context()->linear().forward(x.exec(), shape, in(x), in(w), in_or_null(bias), out(y));
  return record(y, "linear", {x, w, bias},
                [shape, x = x.detach(), w = w.detach()](const Tensor& gy, Grads& grads) {
                  const auto& table = x.context()->linear();
                  if (grads.wants(0)) {
                    Tensor gx = Tensor::empty_like(x);
                    table.backward_input(x.exec(), shape, in(gy), in(w), out(gx));
                    grads.add(0, gx);
                  }
                  if (grads.wants(1)) {
                    const auto t = grads.accumulate_into(1);
                    table.backward_weight(x.exec(), shape, in(x), in(gy), t.accumulate,
                                          out(t.buffer));
                  }
                  if (grads.wants(2)) {
                    const auto t = grads.accumulate_into(2);
                    table.backward_bias(x.exec(), shape, in(gy), t.accumulate, out(t.buffer));
                  }
                });
}

}  // namespace gsx
