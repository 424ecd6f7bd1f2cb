// Arithmetic between shapes of which one repeats, and means over axes: each is the other's
// gradient.
#include "engine/ops/broadcast.h"

#include <algorithm>

namespace gsx {
namespace ops {
namespace {

Tensor combined(kernels::Arithmetic op, const Tensor& a, const Tensor& b, const Shape& shape) {
  Tensor y = Tensor::empty(a.context(), shape);
  if (y.numel() == 0) return y;
  y.backend().arithmetic.combine(y.exec(), op, {view_of(a), view_of(b), view_of(y)}, in(a), in(b),
                                 out(y));
  return y;
}

// factor * x summed over what `shape` has not, and that shape has 1 of.
Tensor summed(const Tensor& x, const Shape& shape, double factor) {
  Tensor y = Tensor::empty(x.context(), shape);
  y.backend().arithmetic.sum_to(y.exec(), view_of(x), view_of(y), factor, in(x), out(y));
  return y;
}

// The gradient of an operand of this shape from that of all its repetitions.
Tensor gathered(const Tensor& g, const Shape& shape, double factor) {
  if (g.shape() != shape || factor != 1) return summed(g, shape, factor);
  return g;
}

Shape larger(const Shape& a, const Shape& b) {
  if (a.rank() == 0) return b;
  std::vector<int64_t> dims(a.begin(), a.end());
  for (int i = 0; i < b.rank(); ++i) dims[i] = a[i] == 1 ? b[i] : a[i];
  return Shape(dims.begin(), dims.end());
}

bool fits(const Shape& a, const Shape& b) {
  if (a.rank() == 0 || b.rank() == 0) return true;
  bool all = a.rank() == b.rank();
  for (int i = 0; all && i < a.rank(); ++i) all = a[i] == b[i] || a[i] == 1 || b[i] == 1;
  return all;
}

}  // namespace

bool repeats(const char* op, const Tensor& a, const Tensor& b) {
  check_f32(op, "b", b);
  check_device(op, "b", b, "a", a);
  if (a.shape() == b.shape()) return false;
  GSX_CHECK(fits(a.shape(), b.shape()), op, ": b must have the shape of a ", a.shape(),
            ", or 1 where one repeats, got ", b.shape());
  GSX_CHECK(a.layout() != Layout::filter && b.layout() != Layout::filter, op,
            ": filters repeat nowhere, got shapes ", a.shape(), " and ", b.shape());
  return true;
}

Tensor broadcast(const char* name, kernels::Arithmetic op, const Tensor& a, const Tensor& b) {
  using kernels::Arithmetic;
  const Tensor y = combined(op, a, b, larger(a.shape(), b.shape()));
  const bool products = op == Arithmetic::mul || op == Arithmetic::div;
  const Shape of_a = a.shape(), of_b = b.shape();
  const Tensor saved_a = op == Arithmetic::mul ? a.detach() : Tensor{};
  const Tensor saved_b = products ? b.detach() : Tensor{};
  const Tensor saved_y = op == Arithmetic::div ? y.detach() : Tensor{};
  return record(y, name, {a, b}, [=](const Tensor& gy, Grads& grads) {
    Tensor ga = gy, gb = gy;
    if (products && (grads.wants(0) || op == Arithmetic::div))
      ga = combined(op, gy, saved_b, gy.shape());
    if (grads.wants(1) && op == Arithmetic::mul)
      gb = combined(Arithmetic::mul, gy, saved_a, gy.shape());
    if (grads.wants(1) && op == Arithmetic::div)
      gb = combined(Arithmetic::mul, ga, saved_y, gy.shape());
    const bool minus = op == Arithmetic::sub || op == Arithmetic::div;
    if (grads.wants(1)) grads.add(1, gathered(gb, of_b, minus ? -1.0 : 1.0));
    if (grads.wants(0)) grads.add(0, gathered(ga, of_a, 1.0));
  });
}

}  // namespace ops

using namespace ops;

Tensor div(const Tensor& a, const Tensor& b) {
  check_f32("div", "a", a);
  if (!repeats("div", a, b)) check_like("div", "b", b, "a", a);
  GSX_CHECK(a.layout() != Layout::filter, "div: a must be an image or dense, got a filter");
  return broadcast("div", kernels::Arithmetic::div, a, b);
}

Tensor reduce_mean(const Tensor& x, const std::vector<int>& axes) {
  check_f32("reduce_mean", "x", x);
  GSX_CHECK(x.layout() != Layout::filter && x.numel() > 0,
            "reduce_mean: x must be an image or dense, not empty, got shape ", x.shape());
  std::vector<int64_t> dims(x.shape().begin(), x.shape().end());
  double count = 1;
  int before = -1;
  for (const int axis : axes) {
    GSX_CHECK(axis > before && axis < x.shape().rank(), "reduce_mean: axes must ascend from 0 to ",
              x.shape().rank() - 1, ", got ", axis);
    count *= static_cast<double>(dims[axis]);
    dims[axis] = 1;
    before = axis;
  }
  const Shape shape(dims.begin(), dims.end());
  return record(summed(x, shape, 1 / count), "reduce_mean", {x},
                [count, s = x.shape()](const Tensor& gy, Grads& grads) {
                  const Tensor share = Tensor::empty_like(gy);
                  gy.backend().elementwise.affine(gy.exec(), gy.rows(),
                                                  static_cast<float>(1 / count), 0.0f, in(gy),
                                                  out(share));
                  const Tensor zero = Tensor::zeros(gy.context(), Shape{});
                  grads.add(0, combined(kernels::Arithmetic::add, share, zero, s));
                });
}

}  // namespace gsx
