// Activations and fake quantisation.
#include <cmath>

#include "kernels/scalar.h"
#include "tests/ops/op_check.h"

using namespace gsx;
using op_check::Array;
using op_check::Arrays;
using op_check::Case;

namespace {

template <class Op, class F>
Case pointwise(const std::string& name, const op_check::Input& input, Op op, F f) {
  Case c;
  c.name = name;
  c.inputs = {input};
  c.run = [=](const std::vector<Tensor>& in) { return op(in[0]); };
  c.reference = [=](const Arrays& in) {
    Array y = in[0];
    for (double& v : y.v) v = f(v);
    return y;
  };
  return c;
}

double round_even(double v) { return std::nearbyint(v); }

}  // namespace

TEST_CASE("activations") {
  for (const Shape& s : {Shape{}, Shape{7}, Shape{3, 33}, Shape{2, 3, 5, 1}, Shape{1, 5, 3, 3},
                         Shape{2, 33, 2, 1}}) {
    op_check::Input in{.shape = s, .lo = -6, .hi = 6, .away_from = {0}};
    op_check::check(pointwise("relu", in, relu, [](double v) { return v < 0 ? 0 : v; }));
    op_check::check(pointwise(
        "leaky_relu", in, [](const Tensor& x) { return leaky_relu(x, 0.25f); },
        [](double v) { return v < 0 ? 0.25 * v : v; }));
    op_check::check(pointwise("tanh", in, gsx::tanh, [](double v) { return std::tanh(v); }));
    op_check::check(
        pointwise("sigmoid", in, sigmoid, [](double v) { return 1 / (1 + std::exp(-v)); }));
    op_check::check(pointwise(
        "none", in, [](const Tensor& x) { return activate(x, Activation::none); },
        [](double v) { return v; }));
  }
}

TEST_CASE("activations at zero, beyond saturation and on NaN") {
  const auto context = Context::create();
  const float nan = std::nanf("");
  const Tensor x = Tensor::from(context, std::vector<float>{0, -0.0f, 1e30f, -1e30f, nan}, {5});
  CHECK(relu(x).to_vector()[2] == 1e30f);
  CHECK(std::isnan(relu(x).to_vector()[4]));
  CHECK(gsx::tanh(x).to_vector()[2] == 1.0f);
  CHECK(gsx::tanh(x).to_vector()[3] == -1.0f);
  CHECK(sigmoid(x).to_vector()[0] == 0.5f);
  CHECK(sigmoid(x).to_vector()[2] == 1.0f);
  CHECK(sigmoid(x).to_vector()[3] < 1e-37f);
  x.set_requires_grad(true);
  sum(relu(x)).backward();
  CHECK(x.grad().to_vector()[0] == 0);  // as PyTorch
  x.zero_grad();
  sum(leaky_relu(x, 0.5f)).backward();
  CHECK(x.grad().to_vector()[0] == 0.5f);
}

TEST_CASE("fake quantisation of activations") {
  for (const QuantGrid grid : {QuantGrid::int8, QuantGrid::official, QuantGrid::paper})
    for (const bool is_signed : {false, true})
      for (const Shape& s :
           {Shape{33}, Shape{2, 3, 7, 1}, Shape{2, 5, 3, 3}, Shape{2, 33, 17, 31}}) {
        const QuantRange q = activation_range(grid, 4.0f, is_signed);
        const double lo = q.clamp_lo, hi = q.clamp_hi, scale = q.scale;
        // 0.05 from the bounds, where the straight-through gradient jumps.
        op_check::Input in{.shape = s, .lo = -6, .hi = 6, .away_from = {lo, hi}};
        Case c = pointwise(
            "fake_quantize", in, [=](const Tensor& x) { return fake_quantize(x, q); },
            [=](double v) {
              return std::clamp<double>(round_even(std::clamp(v, lo, hi) / scale), q.lo, q.hi) *
                     scale;
            });
        c.surrogate = [=](const Arrays& a) {
          Array y = a[0];
          for (double& v : y.v) v = std::clamp(v, lo, hi);
          return y;
        };
        op_check::check(c);
      }
}

TEST_CASE("the quantiser's codes are those of the paper") {
  const auto context = Context::create();
  const QuantRange q = activation_range(QuantGrid::paper, 4.0f, false);
  CHECK(q.scale == 1.0f / 64);
  const Tensor x =
      Tensor::from(context, std::vector<float>{4.0f, 0.0078f, 0.00782f, 0.0235f, -1.0f, 9.0f}, {6});
  std::vector<float> quantized = fake_quantize(x, q).to_vector();
  for (float& v : quantized) v *= 64;
  CHECK(quantized == std::vector<float>{256, 0, 1, 2, 0, 256});
  // The straight-through gradient is 1 at both bounds, 0 beyond.
  const Tensor edge = Tensor::from(context, std::vector<float>{0, 4, -1e-6f, 4.00001f, 2}, {5});
  edge.set_requires_grad(true);
  sum(fake_quantize(edge, q)).backward();
  CHECK(edge.grad().to_vector() == std::vector<float>{1, 1, 0, 0, 1});
  const QuantRange eight = activation_range(QuantGrid::int8, 4.0f, false);
  CHECK((eight.lo == 0 && eight.hi == 255 && eight.scale == 4.0f / 255));
  const QuantRange both = activation_range(QuantGrid::int8, 2.0f, true);
  CHECK((both.lo == -127 && both.hi == 127 && both.clamp_lo == -2.0f));
  const QuantRange official = activation_range(QuantGrid::official, 2.0f, true);
  CHECK((official.lo == -128 && official.hi == 128 && official.scale == 2.0f / 128));
  CHECK_THROWS_WITH(activation_range(QuantGrid::int8, 0.0f, false),
                    "activation_range: p must be positive, got 0");
  CHECK_THROWS_WITH(fake_quantize(x, {.scale = -1}),
                    "fake_quantize: the quantiser's scale must be positive, got -1");
}

namespace {

Array quantize_weight(const Array& w, double levels, bool per_channel) {
  Array y(w.shape);
  const int64_t k = w.dim(0), inner = w.shape.numel() / k;
  double all = 0;
  for (const double v : w.v) all = std::max(all, std::fabs(v));
  for (int64_t i = 0; i < k; ++i) {
    double largest = all;
    if (per_channel) {
      largest = 0;
      for (int64_t j = 0; j < inner; ++j)
        largest = std::max(largest, std::fabs(w.v[static_cast<size_t>(i * inner + j)]));
    }
    const double s = largest / levels;
    for (int64_t j = 0; j < inner; ++j) {
      const size_t at = static_cast<size_t>(i * inner + j);
      y.v[at] = s > 0 ? round_even(w.v[at] / s) * s : 0;
    }
  }
  return y;
}

}  // namespace

TEST_CASE("fake quantisation of weights") {
  for (const QuantGrid grid : {QuantGrid::int8, QuantGrid::official, QuantGrid::paper})
    for (const bool per_channel : {false, true})
      for (const int bits : {8, 4})
        for (const Shape& s : {Shape{1, 1, 1, 1}, Shape{3, 7, 3, 3}, Shape{33, 5, 1, 3},
                               Shape{40, 33, 5, 5}, Shape{7, 33}, Shape{1, 3}}) {
          Case c;
          c.name = "fake_quantize_weight";
          c.inputs = {{.shape = s, .layout = s.rank() == 4 ? Layout::filter : Layout::dense}};
          c.run = [=](const std::vector<Tensor>& in) {
            return fake_quantize_weight(in[0],
                                        {.grid = grid, .per_channel = per_channel, .bits = bits});
          };
          const double levels = bits == 4 ? 7 : grid == QuantGrid::paper ? 128 : 127;
          c.reference = [=](const Arrays& in) {
            return quantize_weight(in[0], levels, per_channel);
          };
          c.surrogate = [](const Arrays& in) { return in[0]; };
          op_check::check(c);
        }
}

TEST_CASE("weight scales and the corner cases of weight codes") {
  const auto context = Context::create();
  const Tensor w =
      Tensor::from(context, std::vector<float>{0.5f, -1.0f, 0, 0, 0.25f, 0.125f}, {3, 2});
  const auto per_channel = weight_scales(w, {}).to_vector();
  CHECK(per_channel == std::vector<float>{1.0f / 127, 0, 0.25f / 127});
  CHECK(weight_scales(w, {.per_channel = false}).to_vector() == std::vector<float>{1.0f / 127});
  CHECK(weight_scales(w, {.grid = QuantGrid::paper}).to_vector()[0] == 1.0f / 128);
  CHECK(weight_scales(w, {.bits = 4}).to_vector() == std::vector<float>{1.0f / 7, 0, 0.25f / 7});
  CHECK(fake_quantize_weight(w, {.bits = 4}).to_vector()[1] == -7 * (1.0f / 7));
  CHECK_THROWS_WITH(weight_scales(w, {.bits = 3}), "weight_scales: bits must be 8 or 4, got 3");
  // 0.5 of a largest 1 is code 63.5, rounded to even: 64.
  CHECK(fake_quantize_weight(w, {}).to_vector()[0] == 64 * (1.0f / 127));
  CHECK(kernels::scalar::quantized_weight(0.5f, 1.0f / 127) == 64);
  // An all-zero channel stays zero instead of dividing by its scale.
  CHECK(fake_quantize_weight(w, {}).to_vector()[2] == 0);
  CHECK_THROWS_WITH(fake_quantize_weight(w, {}, Tensor::zeros(context, {2})),
                    "fake_quantize_weight: scales must have shape [3], got [2]");
  CHECK_THROWS_WITH(weight_scales(Tensor::zeros(context, {3}), {}),
                    "weight_scales: w must be a filter K C R S or dense [O, F], got shape [3]");
}
