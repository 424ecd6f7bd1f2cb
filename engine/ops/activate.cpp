// Activations: functions of one element, with numbers for all or for each channel.
#include "engine/ops/common.h"

namespace gsx {
using namespace ops;

Tensor activate(const Tensor& x, Activation kind, float slope) {
  check_f32("activate", "x", x);
  Tensor y = Tensor::empty_like(x);
  x.backend().elementwise.activate(x.exec(), x.rows(), kind, slope, in(x), out(y));
  if (!recording({x})) return y;
  // leaky_relu's derivative needs x, the others' y (none's neither): one tensor is kept, not two.
  Tensor saved_x, saved_y;
  if (kind == Activation::leaky_relu) saved_x = x.detach();
  else saved_y = y.detach();
  return record(y, "activate", {x}, [=](const Tensor& gy, Grads& grads) {
    Tensor gx = Tensor::empty_like(gy);
    gy.backend().elementwise.activate_backward(gy.exec(), gy.storage_size(), kind, slope,
                                               in_or_null(saved_x), in_or_null(saved_y), in(gy),
                                               out(gx));
    grads.add(0, gx);
  });
}

Tensor pointwise(const Tensor& x, Pointwise function, const PointwiseOptions& options) {
  check_f32("pointwise", "x", x);
  GSX_CHECK(function != Pointwise::clip || options.a <= options.b,
            "clip: lo must not be above hi, got ", options.a, " and ", options.b);
  GSX_CHECK(function != Pointwise::softplus || options.a > 0,
            "softplus: beta must be positive, got ", options.a);
  Tensor y = Tensor::empty_like(x);
  x.backend().elementwise.pointwise(x.exec(), x.rows(), function, options, in(x), out(y));
  return record(y, "pointwise", {x}, [=, x = x.detach()](const Tensor& gy, Grads& grads) {
    Tensor gx = Tensor::empty_like(gy);
    gy.backend().elementwise.pointwise_backward(gy.exec(), gy.storage_size(), function, options,
                                                in(x), in(gy), out(gx));
    grads.add(0, gx);
  });
}

Tensor prelu(const Tensor& x, const Tensor& slope) {
  check_f32("prelu", "x", x);
  GSX_CHECK(x.layout() == Layout::image || x.shape().rank() == 2,
            "prelu: x must be an image N C H W or dense [N, C], got shape ", x.shape());
  const int64_t channels = x.dim(1);
  if (slope.defined() && slope.shape() == Shape{1} && channels > 1)
    return prelu(x, add(Tensor::zeros(slope.context(), {channels}), slope));
  check_channels("prelu", "slope", slope, x);
  Tensor y = Tensor::empty_like(x);
  x.backend().prelu.forward(x.exec(), view_of(x), in(x), in(slope), out(y));
  return record(y, "prelu", {x, slope}, [x = x.detach(), slope](const Tensor& gy, Grads& grads) {
    const auto& table = x.backend().prelu;
    if (grads.wants(0)) {
      Tensor gx = Tensor::empty_like(x);
      table.backward_input(x.exec(), view_of(x), in(x), in(slope), in(gy), out(gx));
      grads.add(0, gx);
    }
    if (grads.wants(1)) {
      const auto t = grads.accumulate_into(1);
      table.backward_slope(x.exec(), view_of(x), in(x), in(gy), t.accumulate, out(t.buffer));
    }
  });
}

Tensor softmax(const Tensor& x) {
  check_f32("softmax", "x", x);
  GSX_CHECK(x.layout() != Layout::filter && x.shape().rank() > 0 && x.numel() > 0,
            "softmax: x must be an image or dense, not empty, got shape ", x.shape());
  const kernels::View v = view_of(x);
  const kernels::Rows rows{v.pixels(), v.c, v.cs};
  Tensor y = Tensor::empty_like(x);
  x.backend().softmax.forward(x.exec(), rows, in(x), out(y));
  return record(y, "softmax", {x}, [rows, y = y.detach()](const Tensor& gy, Grads& grads) {
    Tensor gx = Tensor::empty_like(gy);
    gy.backend().softmax.backward(gy.exec(), rows, in(y), in(gy), out(gx));
    grads.add(0, gx);
  });
}

}  // namespace gsx
