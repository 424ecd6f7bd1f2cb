// Instance norm, plain and with every epilogue.
#include <cmath>
#include <sstream>

#include "tests/ops/op_check.h"

using namespace gsx;
using op_check::Array;
using op_check::Arrays;
using op_check::Case;
using op_check::each;

namespace {

struct Options {
  NormOptions norm;
  bool affine = true, residual = false;
};

double follow(double z, const NormOptions& o, bool straight_through) {
  switch (o.activation) {
    case Activation::relu: z = std::max(z, 0.0); break;
    case Activation::leaky_relu: z = z < 0 ? z * o.slope : z; break;
    case Activation::tanh: z = std::tanh(z); break;
    case Activation::sigmoid: z = 1 / (1 + std::exp(-z)); break;
    case Activation::none: break;
  }
  if (!o.quantize) return z;
  const QuantRange& q = *o.quantize;
  z = std::clamp(z, static_cast<double>(q.clamp_lo), static_cast<double>(q.clamp_hi));
  return straight_through ? z
                          : std::clamp<double>(std::nearbyint(z / q.scale), q.lo, q.hi) * q.scale;
}

Array norm(const Arrays& in, const Options& o, bool straight_through) {
  const Array& x = in[0];
  Array y(x.shape);
  const double count = static_cast<double>(x.dim(2) * x.dim(3));
  for (int64_t n = 0; n < x.dim(0); ++n)
    for (int64_t c = 0; c < x.dim(1); ++c) {
      const Shape plane{1, 1, x.dim(2), x.dim(3)};
      double mean = 0, var = 0;
      each(plane, [&](auto, auto, auto h, auto w) { mean += x(n, c, h, w) / count; });
      each(plane,
           [&](auto, auto, auto h, auto w) { var += std::pow(x(n, c, h, w) - mean, 2) / count; });
      const size_t i = static_cast<size_t>(c);
      each(plane, [&](auto, auto, auto h, auto w) {
        double z = (x(n, c, h, w) - mean) / std::sqrt(var + o.norm.eps);
        if (o.affine) z = in[1].v[i] * z + in[2].v[i];
        y(n, c, h, w) = follow(z, o.norm, straight_through);
        if (o.residual) y(n, c, h, w) += in.back()(n, c, h, w);
      });
    }
  return y;
}

Case make(const std::string& name, const Shape& shape, const Options& o) {
  Case c;
  c.name = name;
  c.inputs = {{shape}};
  if (o.affine) {
    c.inputs.push_back({.shape = {shape[1]}, .lo = 0.5, .hi = 1.5});
    c.inputs.push_back({.shape = {shape[1]}, .lo = -0.5, .hi = 0.7});
  }
  if (o.residual) c.inputs.push_back({shape});
  c.run = [=](const std::vector<Tensor>& in) {
    return instance_norm(in[0], o.affine ? in[1] : Tensor(), o.affine ? in[2] : Tensor(), o.norm,
                         o.residual ? in.back() : Tensor());
  };
  c.reference = [=](const Arrays& in) { return norm(in, o, false); };
  c.surrogate = [=](const Arrays& in) { return norm(in, o, true); };
  return c;
}

}  // namespace

TEST_CASE("instance norm of awkward shapes") {
  for (const Shape& s : {Shape{1, 1, 3, 3}, Shape{2, 3, 7, 5}, Shape{2, 5, 3, 3}, Shape{1, 8, 4, 6},
                         Shape{2, 33, 3, 7}, Shape{3, 24, 1, 7}})
    for (const bool affine : {true, false}) {
      std::ostringstream name;
      name << "plain " << s;
      op_check::check(
          make(name.str(), s, {.norm = {.eps = 1e-3f, .quantize = {}}, .affine = affine}));
    }
}

TEST_CASE("instance norm with every epilogue") {
  const QuantRange unsigned_range = activation_range(QuantGrid::int8, 1.5f, false);
  const QuantRange signed_range = activation_range(QuantGrid::official, 1.0f, true);
  const auto with = [](Activation a, std::optional<QuantRange> q, bool residual) {
    return Options{.norm = {.activation = a, .slope = 0.3f, .quantize = q}, .residual = residual};
  };
  const Shape s{2, 11, 5, 4};
  op_check::check(make("relu", s, with(Activation::relu, {}, false)));
  op_check::check(make("leaky", s, with(Activation::leaky_relu, {}, true)));
  op_check::check(make("tanh", s, with(Activation::tanh, {}, true)));
  op_check::check(make("sigmoid", s, with(Activation::sigmoid, {}, false)));
  op_check::check(make("residual", s, with(Activation::none, {}, true)));
  op_check::check(make("quantised", s, with(Activation::none, signed_range, false)));
  op_check::check(make("relu quantised", s, with(Activation::relu, unsigned_range, false)));
  op_check::check(make("relu quantised residual", s, with(Activation::relu, unsigned_range, true)));
  op_check::check(make("tanh quantised", s, with(Activation::tanh, signed_range, true)));
}

TEST_CASE("instance norm by given moments") {
  Case c = make("given", {2, 11, 5, 4}, {.norm = {.activation = Activation::relu, .quantize = {}}});
  c.run = [](const std::vector<Tensor>& in) {  // a 1x1 convolution that changes nothing
    const int64_t channels = in[0].dim(1);
    std::vector<float> one(static_cast<size_t>(channels * channels), 0.0f);
    for (int64_t i = 0; i < channels; ++i) one[static_cast<size_t>(i * (channels + 1))] = 1;
    const auto w = Tensor::from(in[0].context(), one, {channels, channels, 1, 1}, Layout::filter);
    Moments m;
    const Tensor y = conv2d(in[0], w, {}, {}, &m);
    return instance_norm(y, in[1], in[2], {.activation = Activation::relu, .quantize = {}}, {}, m);
  };
  op_check::check(c);
}

TEST_CASE("instance norm of planes cut into several tasks") {
  op_check::check(make("large", {2, 24, 37, 41}, {.norm = {.quantize = {}}, .residual = true}));
}

// Where the variance is tiny beside the mean, sums of squares would lose it.
TEST_CASE("instance norm keeps its accuracy far from zero") {
  Case c = make("offset", {1, 9, 12, 13}, {.norm = {.quantize = {}}});
  c.inputs[0].lo = 1000.0;
  c.inputs[0].hi = 1001.0;
  c.tolerance = c.gradient_tolerance =
      1e-3;  // the float mean is rounded to 6e-5 standard deviations
  op_check::check(c);
}

TEST_CASE("instance norm of a constant plane is its shift") {
  const auto context = Context::create();
  const Tensor x = Tensor::full(context, {2, 3, 5, 5}, 7.25f),
               gamma = Tensor::full(context, {3}, 2.0f), beta = Tensor::full(context, {3}, 0.5f);
  for (const float v : instance_norm(x, gamma, beta).to_vector()) CHECK(v == 0.5f);
}

TEST_CASE("instance norm of a flat image, and of one pixel, is no amplified rounding") {
  const auto context = Context::create();
  // ONNX Runtime 1.32 gives 0.9 here: its float mean is 0.003 off.
  for (const float value : {77.7f, 1000.1f})
    for (const float v :
         instance_norm(Tensor::full(context, {1, 1, 256, 256}, value), {}, {}).to_vector())
      CHECK(std::abs(v) <= 0.02f);
  const Tensor pixel = Tensor::full(context, {1, 2, 1, 1}, 77.7f);
  const Tensor gamma = Tensor::full(context, {2}, 3.0f), beta = Tensor::full(context, {2}, 0.5f);
  for (const float v : instance_norm(pixel, gamma, beta).to_vector()) CHECK(v == 0.5f);
}

TEST_CASE("instance norm says what is wrong with its arguments") {
  const auto context = Context::create();
  const Tensor x = Tensor::zeros(context, {1, 4, 3, 3}), four = Tensor::zeros(context, {4}),
               five = Tensor::zeros(context, {5});
  CHECK_THROWS_WITH(instance_norm(x, five, four),
                    "instance_norm: gamma must have shape [4] to match the channels of x, got [5]");
  CHECK_THROWS_WITH(instance_norm(x, four, {}),
                    "instance_norm: gamma and beta must both be given or neither, got only gamma");
  CHECK_THROWS_WITH(
      instance_norm(x, {}, {}, {}, Tensor::zeros(context, {1, 4, 3, 2})),
      "instance_norm: residual must have the shape of x [1, 4, 3, 3], got [1, 4, 3, 2]");
  CHECK_THROWS_WITH(instance_norm(four, {}, {}),
                    "instance_norm: x must be an image tensor N C H W, got shape [4]");
  CHECK_THROWS_WITH(instance_norm(x, {}, {}, {.eps = 0.0f, .quantize = {}}),
                    "instance_norm: eps must be positive, got 0");
  const Tensor two = Tensor::zeros(context, {1, 2});
  CHECK_THROWS_WITH(instance_norm(x, {}, {}, {}, {}, {two, two}),
                    "instance_norm: moments must have shape [1, 4] to match x, got [1, 2]");
  CHECK_THROWS_WITH(instance_norm(x, {}, {}, {}, {}, {two, {}}),
                    "instance_norm: moments must hold both mean and var or neither");
  CHECK_THROWS_WITH(instance_norm({}, {}, {}),
                    "instance_norm: x must have a value, got an undefined tensor");
  NormOptions bad;
  bad.quantize = QuantRange{.scale = 1, .lo = 1, .hi = 5, .clamp_lo = 1, .clamp_hi = 5};
  CHECK_THROWS_WITH(
      instance_norm(x, {}, {}, bad),
      "instance_norm: the quantiser's range must contain zero, got codes 1 to 5 and bounds 1 to 5");
}
