// One activation, elementwise.
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

}  // namespace gsx
