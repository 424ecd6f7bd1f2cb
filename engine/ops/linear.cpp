// Fully connected layers, and products of the matrices of two batches.
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

namespace {

// One matrix of a batch after the other: a is x, b is w of a fully connected layer.
struct MatrixBatch {
  kernels::LinearShape shape;
  int64_t n, a, b, y;  // matrices; elements of each

  template <class F>
  void each(F&& f) const {
    for (int64_t i = 0; i < n; ++i) f(i * a, i * b, i * y);
  }
};

Tensor product(const Tensor& a, const Tensor& b) {
  const MatrixBatch batch{
      {static_cast<int>(a.dim(1)), static_cast<int>(a.dim(2)), static_cast<int>(b.dim(1))},
      a.dim(0),
      a.dim(1) * a.dim(2),
      b.dim(1) * b.dim(2),
      a.dim(1) * b.dim(1)};
  Tensor y = Tensor::empty(a.context(), {a.dim(0), a.dim(1), b.dim(1)});
  const auto& table = a.context()->linear();
  batch.each([&](int64_t i, int64_t j, int64_t k) {
    table.forward(a.exec(), batch.shape, in(a) + i, in(b) + j, nullptr, out(y) + k);
  });
  return record(
      y, "matmul", {a, b}, [batch, a = a.detach(), b = b.detach()](const Tensor& gy, Grads& grads) {
        const auto& linear = a.context()->linear();
        if (grads.wants(0)) {
          Tensor ga = Tensor::empty_like(a);
          batch.each([&](int64_t i, int64_t j, int64_t k) {
            linear.backward_input(a.exec(), batch.shape, in(gy) + k, in(b) + j, out(ga) + i);
          });
          grads.add(0, ga);
        }
        if (grads.wants(1)) {
          Tensor gb = Tensor::empty_like(b);
          batch.each([&](int64_t i, int64_t j, int64_t k) {
            linear.backward_weight(a.exec(), batch.shape, in(a) + i, in(gy) + k, false,
                                   out(gb) + j);
          });
          grads.add(1, gb);
        }
      });
}

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b, bool b_transposed) {
  check_f32("matmul", "a", a);
  check_f32("matmul", "b", b);
  check_device("matmul", "b", b, "a", a);
  GSX_CHECK(a.shape().rank() == 3 && a.numel() > 0, "matmul: a must have shape [N, A, F], got ",
            a.shape(), "; reshape it first");
  const int inner = b_transposed ? 2 : 1;
  GSX_CHECK(
      b.shape().rank() == 3 && b.numel() > 0 && b.dim(0) == a.dim(0) && b.dim(inner) == a.dim(2),
      "matmul: b must be a batch of ", a.dim(0), " matrices with ", a.dim(2),
      b_transposed ? " columns" : " rows", " to match a ", a.shape(), ", got ", b.shape());
  return product(a, b_transposed ? b : transpose(b, {0, 2, 1}));
}

}  // namespace gsx
