// One activation, elementwise.
#include "engine/ops/common.h"
#include "kernels/elementwise.h"

namespace gsx {
using namespace ops;

Tensor activate(const Tensor& x, Activation kind, float slope) {
  check_f32("activate", "x", x);
  Tensor y = Tensor::empty_like(x);
  on(x.device(), kernels::cpu_elementwise)
      .activate(x.exec(), rows_of(x), kind, slope, x.f32(), out(y));
  if (!recording({x})) return y;
  // leaky_relu's derivative needs x, the others' y (none's neither): one tensor is kept, not two.
  Tensor saved_x, saved_y;
  if (kind == Activation::leaky_relu) saved_x = x.detach();
  else saved_y = y.detach();
  return record(y, "activate", {x}, [=](const Tensor& gy, Grads& grads) {
    Tensor gx = Tensor::empty_like(gy);
    on(gy.device(), kernels::cpu_elementwise)
        .activate_backward(gy.exec(), gy.storage_size(), kind, slope, data_or_null(saved_x),
                           data_or_null(saved_y), gy.f32(), out(gx));
    grads.add(0, gx);
  });
}

}  // namespace gsx
