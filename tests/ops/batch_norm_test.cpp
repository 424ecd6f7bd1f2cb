// Batch norm in training and evaluation.
#include <cmath>

#include "tests/ops/op_check.h"

using namespace gsx;
using op_check::Array;
using op_check::Arrays;
using op_check::Case;
using op_check::each;

namespace {

struct Moments {
  double mean = 0, var = 0;
};

Moments batch_moments(const Array& x, int64_t c) {
  Moments m;
  const double count = static_cast<double>(x.shape.numel() / x.dim(1));
  each(x.shape,
       [&](auto n, auto k, auto h, auto w) { m.mean += k == c ? x(n, k, h, w) / count : 0; });
  each(x.shape, [&](auto n, auto k, auto h, auto w) {
    m.var += k == c ? std::pow(x(n, k, h, w) - m.mean, 2) / count : 0;
  });
  return m;
}

// Inputs: x, gamma, beta, running mean, running var.
Array reference(const Arrays& in, bool affine, bool training, double eps) {
  const Array& x = in[0];
  Array y(x.shape);
  const Array &running_mean = in[in.size() - 2], &running_var = in.back();
  for (int64_t c = 0; c < x.dim(1); ++c) {
    const size_t i = static_cast<size_t>(c);
    const Moments m = training ? batch_moments(x, c) : Moments{running_mean.v[i], running_var.v[i]};
    each(x.shape, [&](auto n, auto k, auto h, auto w) {
      if (k != c) return;
      const double z = (x(n, k, h, w) - m.mean) / std::sqrt(m.var + eps);
      y(n, k, h, w) = affine ? in[1].v[i] * z + in[2].v[i] : z;
    });
  }
  return y;
}

Case make(const Shape& s, bool affine, bool training) {
  Case c;
  c.name = training ? "training" : "evaluation";
  c.inputs = {{s}};
  if (affine) {
    c.inputs.push_back({.shape = {s[1]}, .lo = 0.5});
    c.inputs.push_back({{s[1]}});
  }
  c.inputs.push_back({.shape = {s[1]}, .differentiable = false});
  c.inputs.push_back({.shape = {s[1]}, .lo = 0.3, .differentiable = false});
  c.run = [=](const std::vector<Tensor>& in) {
    // Copies: running statistics change in place, which is not what this harness is about.
    return batch_norm(in[0], affine ? in[1] : Tensor(), affine ? in[2] : Tensor(),
                      in[in.size() - 2].clone(), in.back().clone(),
                      {.eps = 1e-4f, .training = training});
  };
  c.reference = [=](const Arrays& in) { return reference(in, affine, training, 1e-4); };
  return c;
}

}  // namespace

TEST_CASE("batch norm") {
  for (const Shape& s :
       {Shape{2, 1, 1, 1}, Shape{2, 3, 7, 3}, Shape{3, 5, 3, 2}, Shape{2, 33, 2, 3}})
    for (const bool affine : {false, true})
      for (const bool training : {false, true})
        if (training ? s.numel() / s[1] > 2 : true) op_check::check(make(s, affine, training));
  op_check::check(make({3, 16, 33, 37}, true, true));
  op_check::check(make({3, 16, 33, 37}, true, false));
}

TEST_CASE("batch norm moves its running statistics in training only") {
  const auto context = Context::create();
  const Tensor x = Tensor::from(context, std::vector<float>{1, 2, 3, 6}, {2, 1, 1, 2});
  const Tensor mean = Tensor::full(context, {1}, 0.5f), var = Tensor::full(context, {1}, 2.0f);
  batch_norm(x, {}, {}, mean, var, {.momentum = 0.25f, .training = false});
  CHECK(mean.item() == 0.5f);
  CHECK(var.item() == 2.0f);
  batch_norm(x, {}, {}, mean, var, {.momentum = 0.25f, .training = true});
  CHECK(mean.item() == Approx(0.75 * 0.5 + 0.25 * 3));
  CHECK(var.item() == Approx(0.75 * 2 + 0.25 * 14.0 / 3));  // the unbiased variance
}

TEST_CASE("batch norm says what is wrong with its arguments") {
  const auto context = Context::create();
  const Tensor x = Tensor::zeros(context, {1, 2, 1, 1}), two = Tensor::zeros(context, {2});
  CHECK_THROWS_WITH(
      batch_norm(x, {}, {}, two, two, {.training = true}),
      "batch_norm: training needs more than one value per channel, got x of shape [1, 2, 1, 1]");
  CHECK_THROWS_WITH(batch_norm(x, {}, {}, two, {}),
                    "batch_norm: running_var must have a value, got an undefined tensor");
  CHECK_THROWS_WITH(batch_norm(x, {}, two, two, two),
                    "batch_norm: gamma and beta must both be given or neither, got only beta");
}
