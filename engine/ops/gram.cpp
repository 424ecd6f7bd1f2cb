// Gram matrices of images.
#include "kernels/gram.h"

#include "engine/ops/common.h"

namespace gsx {
using namespace ops;

Tensor gram(const Tensor& x) {
  check_image("gram", "x", x);
  Tensor y = Tensor::empty(x.context(), {x.dim(0), x.dim(1), x.dim(1)});
  on(x.device(), kernels::cpu_gram).forward(x.exec(), x.view(), x.f32(), out(y));
  return record(y, "gram", {x}, [x = x.detach()](const Tensor& gy, Grads& grads) {
    Tensor gx = Tensor::empty_like(x);
    on(x.device(), kernels::cpu_gram).backward(x.exec(), x.view(), x.f32(), gy.f32(), out(gx));
    grads.add(0, gx);
  });
}

}  // namespace gsx
