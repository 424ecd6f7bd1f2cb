// resize in every mode, coordinate convention and rounding.
#include <cmath>

#include "tests/ops/op_check.h"

using namespace gsx;
using op_check::Array;
using op_check::Arrays;
using op_check::Case;
using op_check::each;

namespace {

// Where a result reads on one axis, as ONNX says it.
double source(int64_t i, int64_t in, int64_t out, double scale, ResizeCoordinates c) {
  switch (c) {
    case ResizeCoordinates::asymmetric: return static_cast<double>(i) / scale;
    case ResizeCoordinates::half_pixel: return (static_cast<double>(i) + 0.5) / scale - 0.5;
    case ResizeCoordinates::pytorch_half_pixel:
      return out > 1 ? (static_cast<double>(i) + 0.5) / scale - 0.5 : 0;
    default:
      return out > 1 ? static_cast<double>(i) * static_cast<double>(in - 1) /
                           static_cast<double>(out - 1)
                     : 0;
  }
}

// The weights of all pixels of an axis for result i.
std::vector<double> weights(int64_t i, int64_t in, int64_t out, double scale,
                            const ResizeRule& rule) {
  std::vector<double> w(static_cast<size_t>(in), 0.0);
  double at = source(i, in, out, scale, rule.coordinates);
  if (rule.mode == ResizeMode::nearest) {
    switch (rule.rounding) {
      case ResizeRounding::round_prefer_floor: at = std::ceil(at - 0.5); break;
      case ResizeRounding::round_prefer_ceil: at = std::floor(at + 0.5); break;
      case ResizeRounding::floor: at = std::floor(at); break;
      case ResizeRounding::ceil: at = std::ceil(at); break;
    }
  }
  at = std::clamp(at, 0.0, static_cast<double>(in - 1));
  const double lo = std::floor(at);
  w[static_cast<size_t>(lo)] += 1 - (at - lo);
  if (at > lo) w[static_cast<size_t>(lo) + 1] += at - lo;
  return w;
}

void check(const Shape& s, const ResizeOptions& o) {
  const Shape to = o.output(s);
  const double high = o.height > 0 ? double(to[2]) / double(s[2]) : o.scale_h;
  const double wide = o.width > 0 ? double(to[3]) / double(s[3]) : o.scale_w;
  Case c;
  c.name = "resize";
  c.inputs = {{s}};
  c.run = [=](const std::vector<Tensor>& in) { return resize(in[0], o); };
  c.reference = [=](const Arrays& in) {
    Array y(to);
    for (int64_t i = 0; i < to[2]; ++i) {
      const std::vector<double> rows = weights(i, s[2], to[2], high, o.rule);
      for (int64_t j = 0; j < to[3]; ++j) {
        const std::vector<double> columns = weights(j, s[3], to[3], wide, o.rule);
        for (int64_t n = 0; n < s[0]; ++n)
          for (int64_t k = 0; k < s[1]; ++k)
            for (int64_t h = 0; h < s[2]; ++h)
              for (int64_t w = 0; w < s[3]; ++w)
                y(n, k, i, j) += rows[static_cast<size_t>(h)] * columns[static_cast<size_t>(w)] *
                                 in[0](n, k, h, w);
      }
    }
    return y;
  };
  op_check::check(c);
}

constexpr ResizeCoordinates kCoordinates[] = {
    ResizeCoordinates::asymmetric, ResizeCoordinates::half_pixel,
    ResizeCoordinates::pytorch_half_pixel, ResizeCoordinates::align_corners};

void check_sizes(const ResizeRule& rule) {
  check({2, 3, 3, 5}, {.rule = rule, .height = 7, .width = 4});
  check({1, 9, 7, 2}, {.rule = rule, .height = 1, .width = 9});
  check({1, 1, 1, 1}, {.rule = rule, .height = 3, .width = 1});
  check({2, 5, 4, 3}, {.rule = rule, .scale_h = 2, .scale_w = 3});
  check({1, 8, 5, 7}, {.rule = rule, .scale_h = 1.5, .scale_w = 0.4});
}

}  // namespace

TEST_CASE("resize to the nearest pixel") {
  for (const ResizeCoordinates c : kCoordinates)
    for (const ResizeRounding r :
         {ResizeRounding::round_prefer_floor, ResizeRounding::round_prefer_ceil,
          ResizeRounding::floor, ResizeRounding::ceil})
      check_sizes({ResizeMode::nearest, c, r});
}

TEST_CASE("bilinear resize") {
  for (const ResizeCoordinates c : kCoordinates) check_sizes({ResizeMode::linear, c, {}});
}

TEST_CASE("resize keeps constants to the bit and refuses what makes no image") {
  const auto context = Context::create();
  const Tensor x = Tensor::full(context, {1, 3, 3, 5}, 0.3f);
  for (const ResizeCoordinates c : kCoordinates)
    for (const float v :
         resize(x, {.rule = {ResizeMode::linear, c, {}}, .height = 7, .width = 11}).to_vector())
      CHECK(v == 0.3f);
  CHECK_THROWS_WITH(resize(x, {}),
                    "resize: a height and width or positive scales must be given, "
                    "got size 0 and scale 0");
  CHECK_THROWS_WITH(resize(x, {.scale_h = 0.1, .scale_w = 1}),
                    "resize: scale 0.1 makes no image of x [1, 3, 3, 5]; give 1 to 2^24 rows and "
                    "columns");
}
