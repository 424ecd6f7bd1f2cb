// Spectral norm: a weight divided by its largest singular value, whose vectors a power iteration
// follows. A weight is a matrix here, of rows and columns as it lies in memory.
#include "engine/ops/common.h"

namespace gsx {
using namespace ops;

namespace {

using kernels::Arithmetic;
using kernels::View;

// A weight as an image of one column, whose channels are its innermost axis, and its singular
// vectors as images that repeat over it: u [K] of the outputs, v of everything else.
struct Matrix {
  View w, u, v;

  Matrix(const Tensor& weight, const Tensor& right) {
    if (weight.layout() == Layout::filter) {
      const kernels::FilterView f = weight.filter_view();
      w = {1, f.r * f.s * f.c, 1, f.k, f.ks};
      u = {1, 1, 1, f.k, f.k};
      v = {1, w.h, 1, 1, right.filter_view().ks};
    } else {
      const auto rows = static_cast<int>(weight.dim(0)), columns = static_cast<int>(weight.dim(1));
      w = {1, rows, 1, columns, columns};
      u = {1, rows, 1, 1, 1};
      v = {1, 1, 1, columns, columns};
    }
  }
};

constexpr View kScalar = {1, 1, 1, 1, 1};

void combine(Arithmetic op, const View& of_a, const Tensor& a, const View& of_b, const Tensor& b,
             const View& of_y, const Tensor& y) {
  y.backend().arithmetic.combine(y.exec(), op, {of_a, of_b, of_y}, in(a), in(b), out(y));
}

// The weight times a vector `by`, or its transpose times it: of the axes that `to` has not.
Tensor product(const Tensor& w, const Matrix& m, const View& of_by, const Tensor& by,
               const View& of_to, const Tensor& like) {
  const Tensor terms = Tensor::empty_like(w), y = Tensor::empty_like(like);
  combine(Arithmetic::mul, m.w, w, of_by, by, m.w, terms);
  y.backend().arithmetic.sum_to(y.exec(), m.w, of_to, 1, in(terms), out(y));
  return y;
}

Tensor dot_of(const Tensor& a, const Tensor& b) {
  Tensor y = Tensor::empty(a.context(), Shape{});
  y.backend().reduce.dot(y.exec(), a.storage_size(), in(a), in(b), out(y));
  return y;
}

// to = x / ||x||; what batch norm divides by is this root, of a mean of 0 and these squares.
void normalize(const View& v, const Tensor& x, const Tensor& to) {
  constexpr float kLeast = 1e-24f;  // of the squares, as PyTorch's 1e-12
  const Tensor squares = dot_of(x, x), zero = Tensor::zeros(x.context(), Shape{});
  const Tensor scale = Tensor::empty_like(zero), shift = Tensor::empty_like(zero),
               factor = Tensor::empty_like(zero);
  x.backend().batch_norm.fold(x.exec(), 1, kLeast, in(zero), in(squares), nullptr, nullptr,
                              out(scale), out(shift), out(factor));
  combine(Arithmetic::mul, v, x, kScalar, factor, v, to);
}

void check(const char* op, const Tensor& w, const Tensor& u, const Tensor& v) {
  check_f32(op, "w", w);
  const bool filter = w.layout() == Layout::filter;
  GSX_CHECK(filter || (w.layout() == Layout::dense && w.shape().rank() == 2), op,
            ": w must be a filter K C R S or a matrix [O, F], got shape ", w.shape());
  check_f32(op, "u", u);
  check_f32(op, "v", v);
  const Shape left{w.dim(0)};
  const Shape right = filter ? Shape{1, w.dim(1), w.dim(2), w.dim(3)} : Shape{1, w.dim(1)};
  GSX_CHECK(u.shape() == left, op, ": u must have shape ", left, " to match w ", w.shape(),
            ", got ", u.shape());
  GSX_CHECK(v.shape() == right && (!filter || v.layout() == Layout::filter), op,
            ": v must have shape ", right, " and the layout of w ", w.shape(), ", got ", v.shape());
  check_device(op, "u", u, "w", w);
  check_device(op, "v", v, "w", w);
}

}  // namespace

void power_iteration(const Tensor& w, const Tensor& u, const Tensor& v) {
  check("power_iteration", w, u, v);
  const Matrix m(w, v);
  normalize(m.v, product(w, m, m.u, u, m.v, v), v);
  normalize(m.u, product(w, m, m.v, v, m.u, u), u);
}

Tensor spectral_norm(const Tensor& w, const Tensor& u, const Tensor& v) {
  check("spectral_norm", w, u, v);
  const Matrix m(w, v);
  const Tensor sigma = dot_of(u, product(w, m, m.v, v, m.u, u));
  Tensor y = Tensor::empty_like(w);
  combine(Arithmetic::div, m.w, w, kScalar, sigma, m.w, y);
  if (!recording({w})) return y;
  // The vectors move on before the gradient is asked for.
  return record(y, "spectral_norm", {w},
                [=, y = y.detach(), u = u.clone(), v = v.clone()](const Tensor& gy, Grads& grads) {
                  // d(w / sigma): (gy - <gy, y> u v^T) / sigma.
                  const Tensor along = dot_of(gy, y), gw = Tensor::empty_like(y);
                  combine(Arithmetic::mul, m.u, u, m.v, v, m.w, gw);
                  const Tensor part = Tensor::empty_like(y);
                  combine(Arithmetic::mul, m.w, gw, kScalar, along, m.w, part);
                  combine(Arithmetic::sub, m.w, gy, m.w, part, m.w, gw);
                  combine(Arithmetic::div, m.w, gw, kScalar, sigma, m.w, part);
                  grads.add(0, part);
                });
}

}  // namespace gsx
