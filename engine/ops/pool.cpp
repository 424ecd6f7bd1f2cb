// Max, average and global average pooling.
#include "engine/ops/common.h"

namespace gsx {
using namespace ops;

namespace {

kernels::PoolShape check(const char* op, const Tensor& x, const PoolOptions& o) {
  check_image(op, "x", x);
  GSX_CHECK(o.size >= 1 && o.size <= 16, op, ": size must lie in 1 to 16, got ", o.size);
  GSX_CHECK(o.stride >= 1, op, ": stride must be at least 1, got ", o.stride);
  GSX_CHECK(o.pad >= 0 && 2 * o.pad <= o.size, op, ": pad must be at most half the size ", o.size,
            ", got ", o.pad);
  GSX_CHECK(x.dim(2) + 2 * o.pad >= o.size && x.dim(3) + 2 * o.pad >= o.size, op, ": x ", x.shape(),
            " with padding ", o.pad, " is smaller than the window ", o.size, "x", o.size);
  return {x.view(), o.size, o.stride, o.pad, o.ceil_mode, o.count_include_pad};
}

Tensor output(const Tensor& x, const kernels::PoolShape& shape, DType dtype = DType::f32) {
  const kernels::View v = shape.y();
  return Tensor::empty(x.context(), {v.n, v.c, v.h, v.w}, dtype);
}

}  // namespace

Tensor max_pool(const Tensor& x, const PoolOptions& options) {
  const auto shape = check("max_pool", x, options);
  Tensor y = output(x, shape);
  const Tensor which = output(x, shape, DType::u8);
  x.backend().pool.max_forward(x.exec(), shape, in(x), out(y), which.device_data<uint8_t>());
  return record(y, "max_pool", {x}, [shape, which, s = x.shape()](const Tensor& gy, Grads& grads) {
    Tensor gx = Tensor::empty(gy.context(), s);
    gy.backend().pool.max_backward(gy.exec(), shape, which.device_data<uint8_t>(), in(gy), out(gx));
    grads.add(0, gx);
  });
}

Tensor avg_pool(const Tensor& x, const PoolOptions& options) {
  const auto shape = check("avg_pool", x, options);
  Tensor y = output(x, shape);
  x.backend().pool.avg_forward(x.exec(), shape, in(x), out(y));
  return record(y, "avg_pool", {x}, [shape, s = x.shape()](const Tensor& gy, Grads& grads) {
    Tensor gx = Tensor::empty(gy.context(), s);
    gy.backend().pool.avg_backward(gy.exec(), shape, in(gy), out(gx));
    grads.add(0, gx);
  });
}

Tensor global_avg_pool(const Tensor& x) {
  check_image("global_avg_pool", "x", x);
  Tensor y = Tensor::empty(x.context(), {x.dim(0), x.dim(1), 1, 1});
  x.backend().pool.global_forward(x.exec(), x.view(), in(x), out(y));
  return record(y, "global_avg_pool", {x}, [s = x.shape()](const Tensor& gy, Grads& grads) {
    Tensor gx = Tensor::empty(gy.context(), s);
    gy.backend().pool.global_backward(gy.exec(), gx.view(), in(gy), out(gx));
    grads.add(0, gx);
  });
}

}  // namespace gsx
