// A weight divided by its spectral norm, and the power iteration that finds it.
#include <cmath>

#include "tests/ops/op_check.h"

using namespace gsx;
using op_check::Array;
using op_check::Arrays;
using op_check::Case;

namespace {

// Inputs: w [K, ...], u [K], v [1, ...].
Array reference(const Arrays& in) {
  const size_t outputs = in[1].v.size(), each = in[2].v.size();
  double sigma = 0;
  for (size_t k = 0; k < outputs; ++k)
    for (size_t f = 0; f < each; ++f) sigma += in[1].v[k] * in[0].v[k * each + f] * in[2].v[f];
  Array y = in[0];
  for (double& w : y.v) w /= sigma;
  return y;
}

Case make(const Shape& w) {
  const Shape v = w.rank() == 4 ? Shape{1, w[1], w[2], w[3]} : Shape{1, w[1]};
  const Layout layout = w.rank() == 4 ? Layout::filter : Layout::dense;
  Case c;
  c.name = "spectral_norm";
  c.inputs = {{.shape = w, .layout = layout, .lo = -0.4},
              {.shape = {w[0]}, .lo = 0.5, .differentiable = false},
              {.shape = v, .layout = layout, .lo = 0.5, .differentiable = false}};
  c.run = [](const std::vector<Tensor>& in) { return spectral_norm(in[0], in[1], in[2]); };
  c.reference = reference;
  return c;
}

double length(const Tensor& t) {
  double squares = 0;
  for (const float v : t.to_vector()) squares += double(v) * v;
  return std::sqrt(squares);
}

}  // namespace

TEST_CASE("spectral norm") {
  for (const Shape& w : {Shape{1, 3}, Shape{3, 7}, Shape{33, 5}, Shape{1, 3, 1, 1},
                         Shape{7, 3, 3, 3}, Shape{33, 5, 1, 3}, Shape{3, 33, 3, 3}})
    op_check::check(make(w));
}

TEST_CASE("power iterations find the largest singular value") {
  const auto context = Context::create();
  // Singular values 5 and 3, behind one another's axes.
  const Tensor w = Tensor::from(context, std::vector<float>{0, 5, -3, 0}, {2, 2});
  const Tensor u = Tensor::from(context, std::vector<float>{0.6f, 0.8f}, {2});
  const Tensor v = Tensor::from(context, std::vector<float>{0.6f, 0.8f}, {1, 2});
  for (int i = 0; i < 20; ++i) power_iteration(w, u, v);
  CHECK(length(u) == Approx(1));
  CHECK(length(v) == Approx(1));
  const std::vector<float> y = spectral_norm(w, u, v).to_vector();
  CHECK(y[1] == Approx(1));
  CHECK(y[2] == Approx(-0.6));
}

TEST_CASE("a gradient belongs to the vectors of its forward") {
  const auto context = Context::create();
  const Tensor w = Tensor::from(context, std::vector<float>{1, 2, 3, -1, 0.5f, 2}, {2, 3});
  const Tensor u = Tensor::from(context, std::vector<float>{0.6f, 0.8f}, {2});
  const Tensor v = Tensor::from(context, std::vector<float>{0.6f, 0, 0.8f}, {1, 3});
  w.set_requires_grad(true);
  const Tensor r = Tensor::from(context, std::vector<float>{1, -2, 3, 1, 2, -1}, {2, 3});
  dot(spectral_norm(w, u, v), r).backward();
  const std::vector<float> at_once = w.grad().to_vector();
  w.zero_grad();
  const Tensor y = spectral_norm(w, u, v);
  power_iteration(w.detach(), u, v);
  dot(y, r).backward();
  CHECK(w.grad().to_vector() == at_once);
}

TEST_CASE("spectral norm says what is wrong with its arguments") {
  const auto context = Context::create();
  const Tensor w = Tensor::zeros(context, {2, 3}), image = Tensor::zeros(context, {2, 3, 1, 1});
  const Tensor two = Tensor::zeros(context, {2}), row = Tensor::zeros(context, {1, 3});
  CHECK_THROWS_WITH(spectral_norm(image, two, row),
                    "spectral_norm: w must be a filter K C R S or a matrix [O, F], got shape "
                    "[2, 3, 1, 1]");
  CHECK_THROWS_WITH(spectral_norm(w, row, row),
                    "spectral_norm: u must have shape [2] to match w [2, 3], got [1, 3]");
  CHECK_THROWS_WITH(power_iteration(w, two, two),
                    "power_iteration: v must have shape [1, 3] and the layout of w [2, 3], got "
                    "[2]");
}
