// Functions of one element beyond those a norm's tail knows, prelu, softmax.
#include <cmath>

#include "kernels/pointwise.h"
#include "tests/ops/op_check.h"

using namespace gsx;
using op_check::Array;
using op_check::Arrays;
using op_check::Case;

namespace {

const Shape kShapes[] = {Shape{},           Shape{7},          Shape{3, 33},
                         Shape{2, 3, 5, 1}, Shape{1, 5, 3, 3}, Shape{2, 33, 2, 1}};

template <class Op, class F>
void check(const std::string& name, Op op, F f, std::vector<double> kinks = {}, double lo = -6) {
  for (const Shape& s : kShapes) {
    Case c;
    c.name = name;
    c.inputs = {{.shape = s, .lo = lo, .hi = 6, .away_from = kinks}};
    c.run = [=](const std::vector<Tensor>& in) { return op(in[0]); };
    c.reference = [=](const Arrays& in) {
      Array y = in[0];
      for (double& v : y.v) v = f(v);
      return y;
    };
    op_check::check(c);
  }
}

double sigmoid_of(double v) { return 1 / (1 + std::exp(-v)); }

}  // namespace

TEST_CASE("functions of one element") {
  check(
      "clip", [](const Tensor& x) { return clip(x, -1.5f, 4); },
      [](double v) { return std::clamp(v, -1.5, 4.0); }, {-1.5, 4});
  check("silu", silu, [](double v) { return v * sigmoid_of(v); });
  check("hard_swish", hard_swish, [](double v) { return v * std::clamp(v + 3, 0.0, 6.0) / 6; },
        {-3, 3});
  check("gelu", gelu, [](double v) { return v * 0.5 * std::erfc(-v / std::sqrt(2.0)); });
  check(
      "gelu_tanh", [](const Tensor& x) { return pointwise(x, Pointwise::gelu_tanh); },
      [](double v) {
        return 0.5 * v * (1 + std::tanh(std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v)));
      });
}

TEST_CASE("softplus, and where it is x") {
  check(
      "softplus", [](const Tensor& x) { return softplus(x); },
      [](double v) { return std::log1p(std::exp(v)); });
  // From 2 x = 5 on the function is x, and jumps by 0.003.
  check(
      "softplus", [](const Tensor& x) { return softplus(x, 2, 5); },
      [](double v) { return 2 * v > 5 ? v : std::log1p(std::exp(2 * v)) / 2; }, {2.5});
  const auto context = Context::create();
  const Tensor x = Tensor::from(context, std::vector<float>{0, 30, -200}, {3});
  CHECK(softplus(x).to_vector()[1] == 30);
  CHECK(softplus(x).to_vector()[2] < 1e-37f);
  CHECK_THROWS_WITH(softplus(x, 0), "softplus: beta must be positive, got 0");
}

TEST_CASE("square roots, and 0 below 0") {
  const auto root = [](const Tensor& x) { return pointwise(x, Pointwise::sqrt); };
  check(
      "sqrt", root, [](double v) { return std::sqrt(v); }, {}, 0.25);
  const auto context = Context::create();
  const Tensor x = Tensor::from(context, std::vector<float>{0, -4, 4, 1e30f}, {4});
  x.set_requires_grad(true);
  const Tensor y = root(x);
  CHECK(y.to_vector() == std::vector<float>{0, 0, 2, 1e15f});
  sum(y).backward();
  CHECK(x.grad().to_vector() == std::vector<float>{0, 0, 0.25f, 0.5e-15f});
}

TEST_CASE("functions of one element far out, and at their kinks") {
  const auto context = Context::create();
  const Tensor x = Tensor::from(context, std::vector<float>{0, 1e30f, -1e30f, 3, -3}, {5});
  for (const Pointwise f :
       {Pointwise::silu, Pointwise::hard_swish, Pointwise::gelu, Pointwise::gelu_tanh}) {
    INFO("function " << static_cast<int>(f));
    const std::vector<float> y = pointwise(x, f).to_vector();
    CHECK(y[0] == 0);
    CHECK(y[1] == 1e30f);
    CHECK(std::abs(y[2]) < 1e-6f);
    x.set_requires_grad(true);
    x.zero_grad();
    sum(pointwise(x, f)).backward();
    const std::vector<float> g = x.grad().to_vector();
    CHECK(g[0] == 0.5f);
    CHECK(g[1] == 1);
    CHECK(std::abs(g[2]) < 1e-6f);
    x.set_requires_grad(false);
  }
  x.set_requires_grad(true);
  x.zero_grad();
  sum(clip(x, -3, 3)).backward();
  CHECK(x.grad().to_vector() == std::vector<float>{1, 0, 0, 1, 1});  // as PyTorch
  CHECK_THROWS_WITH(clip(x, 2, 1), "clip: lo must not be above hi, got 2 and 1");
}

TEST_CASE("the normal distribution's integral") {
  for (int i = -7500; i <= 6000; ++i) {
    const float v = static_cast<float>(i) * 1e-3f;
    const double want = 0.5 * std::erfc(-static_cast<double>(v) / std::sqrt(2.0));
    CHECK(std::abs(kernels::scalar::normal_integral(v) - want) <= 5e-6 * want);
  }
  CHECK(std::isnan(kernels::scalar::normal_integral(NAN)));
  CHECK(kernels::scalar::normal_integral(INFINITY) == 1);
}

TEST_CASE("prelu") {
  for (const Shape& s : {Shape{3, 33}, Shape{2, 3, 5, 1}, Shape{1, 5, 3, 3}, Shape{3, 33, 7, 11}})
    for (const bool each : {true, false}) {
      Case c;
      c.name = "prelu";
      c.inputs = {{.shape = s, .lo = -2, .hi = 2, .away_from = {0}}, {{each ? s[1] : 1}}};
      c.run = [](const std::vector<Tensor>& in) { return prelu(in[0], in[1]); };
      c.reference = [=](const Arrays& in) {
        Array y = in[0];
        const auto plane = static_cast<size_t>(s.numel() / (s[0] * s[1]));
        for (size_t i = 0; i < y.v.size(); ++i) {
          const size_t channel = i / plane % static_cast<size_t>(s[1]);
          if (y.v[i] < 0) y.v[i] *= in[1].v[each ? channel : 0];
        }
        return y;
      };
      op_check::check(c);
    }
  const auto context = Context::create();
  CHECK_THROWS_WITH(prelu(Tensor::zeros(context, {2, 3}), Tensor::zeros(context, {2})),
                    "prelu: slope must have shape [3] to match the channels of x, got [2]");
  CHECK_THROWS_WITH(prelu(Tensor::zeros(context, {3}), Tensor::zeros(context, {3})),
                    "prelu: x must be an image N C H W or dense [N, C], got shape [3]");
}

TEST_CASE("softmax over channels and over the last dimension") {
  for (const Shape& s : {Shape{1}, Shape{33}, Shape{3, 1}, Shape{2, 3, 7}, Shape{2, 257},
                         Shape{2, 3, 2, 3}, Shape{1, 33, 3, 1}, Shape{3, 1030}}) {
    INFO("shape " << s);
    Case c;
    c.name = "softmax";
    c.inputs = {{.shape = s, .lo = -5, .hi = 5}};
    c.run = [](const std::vector<Tensor>& in) { return softmax(in[0]); };
    c.reference = [=](const Arrays& in) {
      const bool image = s.rank() == 4;
      const auto length = static_cast<size_t>(s[image ? 1 : s.rank() - 1]);
      const size_t step = image ? static_cast<size_t>(s[2] * s[3]) : 1;
      Array y = in[0];
      for (size_t row = 0; row < y.v.size() / length; ++row) {
        const size_t first = row / step * step * length + row % step;
        double total = 0;
        for (size_t i = 0; i < length; ++i) total += std::exp(y.v[first + i * step]);
        for (size_t i = 0; i < length; ++i)
          y.v[first + i * step] = std::exp(y.v[first + i * step]) / total;
      }
      return y;
    };
    op_check::check(c);
  }
  const auto context = Context::create();
  const Tensor far = Tensor::from(context, std::vector<float>{1000, 1000, -1000}, {3});
  CHECK(softmax(far).to_vector() == std::vector<float>{0.5f, 0.5f, softmax(far).to_vector()[2]});
  CHECK(softmax(far).to_vector()[2] < 1e-30f);
  CHECK_THROWS_WITH(softmax(Tensor::zeros(context, Shape{})),
                    "softmax: x must be an image or dense, not empty, got shape []");
}
