// Losses: means over every element, padding lanes left out.
#include <cmath>

#include "tests/ops/op_check.h"

using namespace gsx;
using op_check::Array;
using op_check::Arrays;
using op_check::Case;

namespace {

const std::vector<Shape> kShapes = {Shape{},           Shape{33},         Shape{2, 3, 3},
                                    Shape{2, 1, 5, 3}, Shape{2, 5, 3, 3}, Shape{1, 33, 3, 1}};

template <class Op, class F>
Case make(const char* name, std::vector<op_check::Input> inputs, Op op, F f) {
  Case c;
  c.name = name;
  c.inputs = std::move(inputs);
  c.run = op;
  c.reference = [=](const Arrays& in) {
    Array y((Shape()));
    for (size_t i = 0; i < in[0].v.size(); ++i)
      y.v[0] += f(in[0].v[i], in.size() > 1 ? in[1].v[i] : 0) / static_cast<double>(in[0].v.size());
    return y;
  };
  return c;
}

double softplus(double v) { return std::max(v, 0.0) + std::log1p(std::exp(-std::fabs(v))); }

void check_pairs(const Shape& s) {
  // Apart, so that |a - b| keeps away from its kink.
  const op_check::Input a{.shape = s, .lo = 0.1, .hi = 1.8}, b{.shape = s, .lo = -1.8, .hi = 0};
  op_check::check(make(
      "l1", {a, b}, [](const auto& in) { return l1_loss(in[0], in[1]); },
      [](double x, double y) { return std::fabs(x - y); }));
  op_check::check(make(
      "l1", {b, a}, [](const auto& in) { return l1_loss(in[0], in[1]); },
      [](double x, double y) { return std::fabs(x - y); }));
  op_check::check(make(
      "mse", {{s}, {s}}, [](const auto& in) { return mse_loss(in[0], in[1]); },
      [](double x, double y) { return (x - y) * (x - y); }));
}

void check_targets(const Shape& s) {
  const op_check::Input x{.shape = s, .lo = -5, .hi = 5, .away_from = {-1, 1}};
  op_check::check(make(
      "mse_to", {x}, [](const auto& in) { return mse_to(in[0], 0.75f); },
      [](double v, double) { return (v - 0.75) * (v - 0.75); }));
  for (const float t : {0.0f, 1.0f, 0.25f})
    op_check::check(make(
        "bce", {x}, [=](const auto& in) { return bce_with_logits(in[0], t); },
        [=](double v, double) { return t * softplus(-v) + (1 - t) * softplus(v); }));
  op_check::check(make(
      "hinge real", {x}, [](const auto& in) { return hinge_loss(in[0], Hinge::real); },
      [](double v, double) { return std::max(0.0, 1 - v); }));
  op_check::check(make(
      "hinge fake", {x}, [](const auto& in) { return hinge_loss(in[0], Hinge::fake); },
      [](double v, double) { return std::max(0.0, 1 + v); }));
  op_check::check(make(
      "hinge generator", {x}, [](const auto& in) { return hinge_loss(in[0], Hinge::generator); },
      [](double v, double) { return -v; }));
}

}  // namespace

TEST_CASE("losses") {
  for (const Shape& s : kShapes) {
    check_pairs(s);
    check_targets(s);
  }
}

TEST_CASE("losses of tensors cut into several tasks") {
  check_pairs({2, 9, 41, 43});
  check_targets({2, 9, 41, 43});
}

TEST_CASE("losses far out and at their kinks") {
  const auto context = Context::create();
  const Tensor x = Tensor::from(context, std::vector<float>{100, -100, 80, -80}, {4});
  CHECK(bce_with_logits(x, 1.0f).item() == Approx((100 + 80) / 4.0));
  CHECK(std::isfinite(bce_with_logits(affine(x, 1e6f, 0), 0.5f).item()));
  const Tensor a = Tensor::zeros(context, {2});
  a.set_requires_grad(true);
  l1_loss(a, Tensor::zeros(context, {2})).backward();
  CHECK(a.grad().to_vector() == std::vector<float>{0, 0});
}

TEST_CASE("losses say what is wrong with their arguments") {
  const auto context = Context::create();
  const Tensor a = Tensor::zeros(context, {2}), b = Tensor::zeros(context, {3});
  CHECK_THROWS_WITH(l1_loss(a, b), "l1_loss: b must have the shape of a [2], got [3]");
  CHECK_THROWS_WITH(mse_loss(Tensor::zeros(context, {0}), b),
                    "mse_loss: a must not be empty, got shape [0]");
  CHECK_THROWS_WITH(bce_with_logits(a, 1.5f),
                    "bce_with_logits: target must lie in [0, 1], got 1.5");
}
