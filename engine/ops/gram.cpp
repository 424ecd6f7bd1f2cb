// Gram matrices of images.
#include "engine/ops/common.h"

namespace gsx {
using namespace ops;

Tensor gram(const Tensor& x) {
  check_image("gram", "x", x);
  Tensor y = Tensor::empty(x.context(), {x.dim(0), x.dim(1), x.dim(1)});
  x.context()->gram().forward(x.exec(), x.view(), in(x), out(y));
  return record(y, "gram", {x}, [x = x.detach()](const Tensor& gy, Grads& grads) {
    Tensor gx = Tensor::empty_like(x);
    x.context()->gram().backward(x.exec(), x.view(), in(x), in(gy), out(gx));
    grads.add(0, gx);
  });
}

}  // namespace gsx
