// add, sub, mul of equal shapes, affine, channel_affine, scale_filters, sum, mean, dot.
#include "engine/ops/broadcast.h"

namespace gsx {
using namespace ops;

namespace {

const kernels::ElementwiseKernels& elementwise(const Tensor& t) { return t.backend().elementwise; }
const kernels::ReduceKernels& reduce(const Tensor& t) { return t.backend().reduce; }

Tensor scaled(const Tensor& x, float factor) {
  Tensor y = Tensor::empty_like(x);
  elementwise(x).affine(x.exec(), x.rows(), factor, 0.0f, in(x), out(y));
  return y;
}

Tensor product(const Tensor& a, const Tensor& b) {
  Tensor y = Tensor::empty_like(a);
  elementwise(a).mul(a.exec(), a.storage_size(), in(a), in(b), out(y));
  return y;
}

// factor * sum of x; its gradient is the same factor everywhere.
Tensor scaled_sum(const char* op, const Tensor& x, double factor) {
  Tensor y = scalar_like(x);
  reduce(x).sum(x.exec(), x.storage_size(), factor, in(x), out(y));
  // Only the shape of x is needed: the storage may go.
  const Shape shape = x.shape();
  const Layout layout = x.layout();
  const ContextPtr context = x.context();
  return record(y, op, {x}, [=](const Tensor& gy, Grads& grads) {
    Tensor gx = Tensor::empty(context, shape, layout);
    elementwise(gx).fill(gx.exec(), gx.rows(), in(gy), static_cast<float>(factor), out(gx));
    grads.add(0, gx);
  });
}

// y = scale[c] * x + shift[c] of whatever lies in memory as `v` says.
Tensor per_channel(const char* op, const kernels::View& v, const Tensor& x, const Tensor& scale,
                   const Tensor& shift) {
  Tensor y = Tensor::empty_like(x);
  x.backend().channel_affine.forward(x.exec(), v, in(x), in_or_null(scale), in_or_null(shift),
                                     out(y));
  return record(y, op, {x, scale, shift},
                [x = x.detach(), scale, v](const Tensor& gy, Grads& grads) {
                  const auto& table = x.backend().channel_affine;
                  if (grads.wants(0)) {
                    Tensor gx = Tensor::empty_like(x);
                    table.backward_input(x.exec(), v, in(gy), in_or_null(scale), out(gx));
                    grads.add(0, gx);
                  }
                  const bool wants_scale = grads.wants(1), wants_shift = grads.wants(2);
                  if (!wants_scale && !wants_shift) return;
                  Grads::Target gs, gb;
                  if (wants_scale) gs = grads.accumulate_into(1);
                  if (wants_shift) gb = grads.accumulate_into(2);
                  table.backward_parameters(
                      x.exec(), v, in(x), in(gy), nullptr, nullptr,
                      {wants_scale ? out(gs.buffer) : nullptr,
                       wants_shift ? out(gb.buffer) : nullptr, gs.accumulate, gb.accumulate});
                });
}

}  // namespace

Tensor add(const Tensor& a, const Tensor& b) {
  check_f32("add", "a", a);
  if (repeats("add", a, b)) return broadcast("add", kernels::Arithmetic::add, a, b);
  check_like("add", "b", b, "a", a);
  Tensor y = Tensor::empty_like(a);
  elementwise(a).add(a.exec(), a.storage_size(), in(a), in(b), out(y));
  return record(y, "add", {a, b}, [](const Tensor& gy, Grads& grads) {
    grads.add(0, gy);
    grads.add(1, gy);
  });
}

Tensor sub(const Tensor& a, const Tensor& b) {
  check_f32("sub", "a", a);
  if (repeats("sub", a, b)) return broadcast("sub", kernels::Arithmetic::sub, a, b);
  check_like("sub", "b", b, "a", a);
  Tensor y = Tensor::empty_like(a);
  elementwise(a).sub(a.exec(), a.storage_size(), in(a), in(b), out(y));
  return record(y, "sub", {a, b}, [](const Tensor& gy, Grads& grads) {
    grads.add(0, gy);
    if (grads.wants(1)) grads.add(1, scaled(gy, -1.0f));
  });
}

Tensor mul(const Tensor& a, const Tensor& b) {
  check_f32("mul", "a", a);
  if (repeats("mul", a, b)) return broadcast("mul", kernels::Arithmetic::mul, a, b);
  check_like("mul", "b", b, "a", a);
  return record(product(a, b), "mul", {a, b},
                [a = a.detach(), b = b.detach()](const Tensor& gy, Grads& grads) {
                  if (grads.wants(0)) grads.add(0, product(gy, b));
                  if (grads.wants(1)) grads.add(1, product(gy, a));
                });
}

Tensor affine(const Tensor& x, float scale, float shift) {
  check_f32("affine", "x", x);
  Tensor y = Tensor::empty_like(x);
  elementwise(x).affine(x.exec(), x.rows(), scale, shift, in(x), out(y));
  return record(y, "affine", {x},
                [scale](const Tensor& gy, Grads& grads) { grads.add(0, scaled(gy, scale)); });
}

Tensor channel_affine(const Tensor& x, const Tensor& scale, const Tensor& shift) {
  check_image("channel_affine", "x", x);
  if (scale.defined()) check_channels("channel_affine", "scale", scale, x);
  if (shift.defined()) check_channels("channel_affine", "shift", shift, x);
  return per_channel("channel_affine", x.view(), x, scale, shift);
}

Tensor scale_filters(const Tensor& w, const Tensor& scale) {
  check_f32("scale_filters", "w", w);
  GSX_CHECK(w.layout() == Layout::filter, "scale_filters: w must be a filter K C R S, got shape ",
            w.shape());
  check_f32("scale_filters", "scale", scale);
  GSX_CHECK(scale.shape() == Shape{w.dim(0)}, "scale_filters: scale must have shape [", w.dim(0),
            "] to match the filters of w, got ", scale.shape());
  check_device("scale_filters", "scale", scale, "w", w);
  // Filters lie as an image does: one pixel per tap and input channel, K channels each.
  const kernels::FilterView v = w.filter_view();
  return per_channel("scale_filters", kernels::View::of(1, v.r * v.s, v.c, v.k), w, scale, {});
}

Tensor sum(const Tensor& x) {
  check_f32("sum", "x", x);
  return scaled_sum("sum", x, 1.0);
}

Tensor mean(const Tensor& x) {
  check_f32("mean", "x", x);
  GSX_CHECK(x.numel() > 0, "mean: x must not be empty, got shape ", x.shape());
  return scaled_sum("mean", x, 1.0 / static_cast<double>(x.numel()));
}

Tensor dot(const Tensor& a, const Tensor& b) {
  check_f32("dot", "a", a);
  check_like("dot", "b", b, "a", a);
  Tensor y = scalar_like(a);
  reduce(a).dot(a.exec(), a.storage_size(), in(a), in(b), out(y));
  return record(y, "dot", {a, b}, [a = a.detach(), b = b.detach()](const Tensor& gy, Grads& grads) {
    const auto send = [&](int i, const Tensor& other) {
      if (!grads.wants(i)) return;
      Tensor g = Tensor::empty_like(other);
      reduce(other).dot_backward(other.exec(), other.storage_size(), in(gy), in(other), out(g));
      grads.add(i, g);
    };
    send(0, b);
    send(1, a);
  });
}

}  // namespace gsx
