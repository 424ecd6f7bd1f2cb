// conv2d and conv_transpose2d.
#include <sstream>

#include "engine/random.h"
#include "kernels/prepacked_weights.h"
#include "tests/ops/op_check.h"

using namespace gsx;
using op_check::Array;
using op_check::Arrays;
using op_check::Case;
using op_check::each;

namespace {

// x at a position of the padded image: zero outside, mirrored, or the edge's.
double padded(const Array& x, int64_t n, int64_t c, int64_t h, int64_t w, PadMode mode) {
  const auto fold = [&](int64_t i, int64_t extent) {
    if (mode == PadMode::zero) return i >= 0 && i < extent ? i : -1;
    if (mode == PadMode::replicate) return std::clamp<int64_t>(i, 0, extent - 1);
    return i < 0 ? -i : i >= extent ? 2 * (extent - 1) - i : i;
  };
  const int64_t hh = fold(h, x.dim(2)), ww = fold(w, x.dim(3));
  return hh < 0 || ww < 0 ? 0 : x(n, c, hh, ww);
}

Array conv(const Arrays& in, const ConvOptions& o) {
  const Array &x = in[0], &w = in[1];
  const int64_t outs = w.dim(0) / o.groups;
  const int64_t reach_y = (w.dim(2) - 1) * o.dilation.y + 1,
                reach_x = (w.dim(3) - 1) * o.dilation.x + 1;
  Array y({x.dim(0), w.dim(0), (x.dim(2) + o.pad.top + o.pad.bottom - reach_y) / o.stride.y + 1,
           (x.dim(3) + o.pad.left + o.pad.right - reach_x) / o.stride.x + 1});
  each(y.shape, [&](auto n, auto k, auto p, auto q) {
    double sum = in.size() > 2 ? in[2].v[static_cast<size_t>(k)] : 0;
    each({1, w.dim(1), w.dim(2), w.dim(3)}, [&](auto, auto c, auto r, auto s) {
      sum += w(k, c, r, s) * padded(x, n, k / outs * w.dim(1) + c,
                                    p * o.stride.y - o.pad.top + r * o.dilation.y,
                                    q * o.stride.x - o.pad.left + s * o.dilation.x, o.pad_mode);
    });
    y(n, k, p, q) = sum;
  });
  return y;
}

Array conv_transpose(const Arrays& in, const ConvOptions& o) {
  const Array &x = in[0], &w = in[1];
  const int64_t outs = w.dim(0) / o.groups;
  const int64_t reach_y = (w.dim(2) - 1) * o.dilation.y + 1,
                reach_x = (w.dim(3) - 1) * o.dilation.x + 1;
  Array y({x.dim(0), w.dim(0), (x.dim(2) - 1) * o.stride.y + reach_y - o.pad.top - o.pad.bottom,
           (x.dim(3) - 1) * o.stride.x + reach_x - o.pad.left - o.pad.right});
  each(y.shape, [&](auto n, auto k, auto p, auto q) {
    if (in.size() > 2) y(n, k, p, q) = in[2].v[static_cast<size_t>(k)];
  });
  each(x.shape, [&](auto n, auto c, auto h, auto v) {
    each({1, w.dim(0), w.dim(2), w.dim(3)}, [&](auto, auto k, auto r, auto s) {
      if (k / outs != c / w.dim(1)) return;
      const int64_t p = h * o.stride.y - o.pad.top + r * o.dilation.y;
      const int64_t q = v * o.stride.x - o.pad.left + s * o.dilation.x;
      if (p >= 0 && p < y.dim(2) && q >= 0 && q < y.dim(3))
        y(n, k, p, q) += x(n, c, h, v) * w(k, c % w.dim(1), r, s);
    });
  });
  return y;
}

void check(const Shape& x, const Shape& w, const ConvOptions& o, bool transposed,
           bool bias = true) {
  Case c;
  std::ostringstream name;
  name << (transposed ? "transposed " : "") << x << " * " << w << " stride " << o.stride.y
       << " groups " << o.groups;
  c.name = name.str();
  c.inputs = {{x}, {.shape = w, .layout = Layout::filter}};
  if (bias) c.inputs.push_back({{w[0]}});
  c.run = [=](const std::vector<Tensor>& in) {
    const Tensor b = bias ? in[2] : Tensor();
    return transposed ? conv_transpose2d(in[0], in[1], b, o) : conv2d(in[0], in[1], b, o);
  };
  c.reference = [=](const Arrays& in) { return transposed ? conv_transpose(in, o) : conv(in, o); };
  op_check::check(c);
}

}  // namespace

TEST_CASE("conv2d") {
  check({1, 1, 1, 1}, {1, 1, 1, 1}, {}, false);
  check({2, 3, 7, 5}, {5, 3, 3, 3}, {.pad = Padding::all(1)}, false);
  check({2, 3, 7, 5}, {5, 3, 3, 3}, {.pad = Padding::all(1), .pad_mode = PadMode::reflect}, false,
        false);
  check({1, 9, 5, 6}, {7, 9, 3, 2}, {.stride = 2, .pad = {1, 0, 2, 1}}, false);
  check({2, 5, 6, 6}, {3, 5, 4, 4},
        {.stride = 2, .pad = {2, 1, 1, 2}, .pad_mode = PadMode::reflect}, false);
  check({1, 33, 3, 3}, {10, 33, 1, 1}, {}, false);
}

TEST_CASE("conv_transpose2d") {
  check({1, 1, 1, 1}, {1, 1, 1, 1}, {}, true);
  check({2, 3, 4, 3}, {5, 3, 3, 3}, {.stride = 2, .pad = {1, 0, 1, 0}}, true);
  check({1, 9, 3, 4}, {3, 9, 4, 4}, {.stride = 2, .pad = Padding::all(1)}, true, false);
  check({2, 5, 3, 3}, {9, 5, 3, 2}, {.stride = 3, .pad = {2, -1, 0, 1}}, true);
}

TEST_CASE("conv2d with strides and dilations of each axis and repeated edges") {
  check({1, 3, 6, 8}, {5, 3, 1, 5}, {.stride = {1, 2}, .pad = {0, 0, 2, 2}}, false);
  check({2, 3, 5, 4}, {2, 3, 3, 3}, {.pad = {1, 2, 3, 4}, .pad_mode = PadMode::replicate}, false);
  check({1, 9, 7, 6}, {7, 9, 3, 2},
        {.stride = {2, 1}, .pad = {2, 2, 1, 0}, .pad_mode = PadMode::reflect, .dilation = {2, 1}},
        false);
  check({1, 2, 7, 7}, {3, 2, 2, 3}, {.pad = Padding::all(2), .dilation = 3}, false, false);
}

TEST_CASE("grouped conv2d") {
  check({2, 4, 5, 6}, {6, 2, 3, 3}, {.pad = Padding::all(1), .groups = 2}, false);
  check({1, 3, 5, 5}, {9, 1, 3, 2}, {.stride = 2, .pad = {1, 0, 1, 1}, .groups = 3}, false, false);
  check({1, 33, 4, 3}, {33, 1, 3, 3}, {.pad = Padding::all(1), .groups = 33}, false);
  check({2, 3, 6, 5}, {3, 1, 3, 3},
        {.stride = {1, 2},
         .pad = Padding::all(2),
         .pad_mode = PadMode::replicate,
         .dilation = 2,
         .groups = 3},
        false);
}

TEST_CASE("conv_transpose2d of any geometry") {
  check({1, 3, 4, 3}, {5, 3, 3, 2}, {.stride = {3, 1}, .pad = {1, -1, 0, 1}}, true);
  check({1, 2, 3, 4}, {3, 2, 3, 3}, {.stride = 2, .pad = Padding::all(2), .dilation = 2}, true);
  check({2, 4, 3, 3}, {6, 2, 4, 4}, {.stride = 2, .pad = Padding::all(1), .groups = 2}, true);
  check({1, 9, 3, 4}, {9, 1, 3, 3}, {.stride = 2, .pad = {1, 0, 1, 0}, .groups = 9}, true, false);
}

namespace {

// Both moments of a convolution's result, whose bias moves it `offset` away from zero.
void check_moments(const Shape& x, const Shape& w, const ConvOptions& o, bool transposed,
                   double offset = 0) {
  for (const bool of_var : {false, true}) {
    Case c;
    std::ostringstream name;
    name << (of_var ? "variance" : "mean") << " of " << (transposed ? "transposed " : "") << x
         << " * " << w << " stride " << o.stride.y << " offset " << offset;
    c.name = name.str();
    c.inputs = {{.shape = x, .differentiable = false},
                {.shape = w, .layout = Layout::filter, .differentiable = false},
                {.shape = {w[0]}, .lo = offset - 1, .hi = offset + 1, .differentiable = false}};
    c.run = [=](const std::vector<Tensor>& in) {
      Moments m;
      transposed ? conv_transpose2d(in[0], in[1], in[2], o, &m)
                 : conv2d(in[0], in[1], in[2], o, &m);
      return of_var ? m.var : m.mean;
    };
    c.reference = [=](const Arrays& in) {
      const Array y = transposed ? conv_transpose(in, o) : conv(in, o);
      const double count = static_cast<double>(y.dim(2) * y.dim(3));
      Array mean({y.dim(0), y.dim(1)}), var(mean.shape);
      each(y.shape, [&](auto n, auto k, auto p, auto q) { mean(n, k) += y(n, k, p, q) / count; });
      each(y.shape, [&](auto n, auto k, auto p, auto q) {
        var(n, k) += std::pow(y(n, k, p, q) - mean(n, k), 2) / count;
      });
      return of_var ? var : mean;
    };
    if (offset != 0) c.tolerance = 1e-4;  // y itself is rounded to 1e-7 of the offset
    op_check::check(c);
  }
}

}  // namespace

TEST_CASE("convolutions give the moments of their result") {
  const ConvOptions same{.pad = Padding::all(1)};
  check_moments({1, 1, 1, 1}, {1, 1, 1, 1}, {}, false);
  check_moments({2, 3, 7, 5}, {5, 3, 3, 3}, same, false);
  check_moments({3, 9, 5, 6}, {7, 9, 3, 2}, {.stride = 2, .pad = {1, 0, 2, 1}}, false);
  check_moments({2, 5, 6, 6}, {3, 5, 4, 4}, {.stride = 2, .pad = Padding::all(1)}, false);
  check_moments({2, 3, 4, 3}, {9, 3, 3, 3}, {.stride = 2, .pad = {1, 0, 1, 0}}, true);
  check_moments({2, 5, 3, 3}, {9, 5, 3, 2}, {.stride = 3, .pad = {2, -1, 0, 1}}, true);
  check_moments({1, 8, 9, 10}, {24, 8, 3, 3}, same, false, 300);
  check_moments({2, 16, 7, 9}, {16, 1, 3, 3}, {.pad = Padding::all(1), .groups = 16}, false);
  check_moments({1, 8, 7, 9}, {12, 4, 3, 3}, {.pad = Padding::all(1), .groups = 2}, false);
}

TEST_CASE("moments of convolutions large enough for every algorithm") {
  const ConvOptions reflect{.pad = Padding::all(1), .pad_mode = PadMode::reflect};
  check_moments({2, 20, 37, 29}, {40, 20, 3, 3}, reflect, false);
  check_moments({1, 17, 33, 41}, {35, 17, 3, 3}, {.stride = 2, .pad = Padding::all(1)}, false, 300);
  check_moments({2, 33, 19, 13}, {17, 33, 3, 3}, {.stride = 2, .pad = {1, 0, 1, 0}}, true);
  check_moments({1, 3, 41, 35}, {17, 3, 7, 7}, {.pad = Padding::all(3)}, false);
}

TEST_CASE("convolutions say what is wrong with their arguments") {
  const auto context = Context::create();
  const Tensor x = Tensor::zeros(context, {1, 3, 4, 4});
  const auto filter = [&](int64_t k, int64_t c, int64_t r) {
    return Tensor::zeros(context, {k, c, r, r}, Layout::filter);
  };
  CHECK_THROWS_WITH(
      conv2d(x, filter(2, 4, 3), {}),
      "conv2d: x has 3 channels but w takes 4 (shapes [1, 3, 4, 4] and [2, 4, 3, 3])");
  CHECK_THROWS_WITH(conv2d(x, filter(2, 3, 5), {}),
                    "conv2d: x [1, 3, 4, 4] with its padding is smaller than the window 5x5");
  CHECK_THROWS_WITH(conv2d(x, filter(2, 3, 3), Tensor::zeros(context, {3})),
                    "conv2d: bias must have shape [2] to match the output channels of w, got [3]");
  CHECK_THROWS_WITH(conv2d(x, filter(2, 3, 3), {}, {.stride = 0}),
                    "conv2d: stride must be at least 1, got 0");
  CHECK_THROWS_WITH(conv2d(x, filter(2, 3, 3), {}, {.stride = {2, 0}}),
                    "conv2d: stride must be at least 1, got 0");
  CHECK_THROWS_WITH(conv2d(x, filter(2, 3, 3), {}, {.dilation = {0, 2}}),
                    "conv2d: dilation must be at least 1, got 0");
  CHECK_THROWS_WITH(conv2d(x, filter(2, 3, 2), {}, {.dilation = 4}),
                    "conv2d: x [1, 3, 4, 4] with its padding is smaller than the window 5x5");
  CHECK_THROWS_WITH(conv2d(x, filter(4, 1, 3), {}, {.groups = 3}),
                    "conv2d: groups must divide the output channels of w, got 3 and shape "
                    "[4, 1, 3, 3]");
  CHECK_THROWS_WITH(conv2d(x, filter(4, 1, 3), {}, {.groups = 2}),
                    "conv2d: x has 3 channels but w takes 2 (shapes [1, 3, 4, 4] and [4, 1, 3, 3], "
                    "groups 2)");
  CHECK_THROWS_WITH(
      conv2d(x, x, {}),
      "conv2d: w must be a filter tensor K C R S, got shape [1, 3, 4, 4] in another layout");
  CHECK_THROWS_WITH(
      conv2d(x, filter(2, 3, 3), {}, {.pad = Padding::all(4), .pad_mode = PadMode::reflect}),
      "conv2d: reflect padding must be smaller than the image [1, 3, 4, 4], got top 4, bottom 4, "
      "left 4, right 4");
  CHECK_THROWS_WITH(conv2d(x, filter(2, 3, 3), {}, {.pad = {-1, 0, 0, 0}}),
                    "conv2d: padding must not be negative, got top -1, bottom 0, left 0, right 0");
  CHECK_THROWS_WITH(conv_transpose2d(x, filter(2, 3, 1), {}, {.pad = Padding::all(2)}),
                    "conv_transpose2d: cropping leaves no output of x [1, 3, 4, 4], got 0x0");
  CHECK_THROWS_WITH(conv_transpose2d(x, filter(2, 3, 3), {}, {.pad_mode = PadMode::reflect}),
                    "conv_transpose2d: pad_mode must be zero, got reflect");
  CHECK_THROWS_WITH(conv_transpose2d(x, filter(2, 3, 3), {}, {.pad_mode = PadMode::replicate}),
                    "conv_transpose2d: pad_mode must be zero, got replicate");
}

namespace {

struct KeptCase {
  const char* name;
  Shape x, w;
  ConvOptions options;
  bool transposed = false;
};

// y and the input's gradient under a random direction.
std::vector<std::vector<float>> passes(const KeptCase& c, const Tensor& x, const Tensor& w) {
  x.zero_grad();
  const Tensor y =
      c.transposed ? conv_transpose2d(x, w, {}, c.options) : conv2d(x, w, {}, c.options);
  const Tensor r = Tensor::empty_like(y);
  Rng(7).fill_uniform(r, -1, 1);
  sum(mul(y, r)).backward();
  return {y.to_vector(), x.grad().to_vector()};
}

}  // namespace

TEST_CASE("kept filters change no bit and follow the weights") {
  ConvOptions reflect, strided;
  reflect.pad = Padding::all(1);
  reflect.pad_mode = PadMode::reflect;
  strided.stride = 2;
  strided.pad = Padding::all(1);
  const std::vector<KeptCase> cases = {
      {"few tiles", {1, 37, 9, 10}, {40, 37, 3, 3}, reflect},
      {"many tiles", {2, 16, 40, 38}, {24, 16, 3, 3}, reflect},
      {"four phases", {1, 24, 18, 20}, {40, 24, 4, 4}, strided},
      {"transposed", {1, 24, 9, 11}, {33, 24, 4, 4}, strided, true},
  };
  ContextOptions keep;
  keep.prepack_weights = true;
  keep.conv_algo = kernels::ConvAlgo::winograd;
  ContextOptions plain = keep;
  plain.prepack_weights = false;
  const ContextPtr keeping = Context::create(keep), other = Context::create(plain);
  for (const KeptCase& c : cases) {
    INFO(c.name);
    Rng rng(3);
    const Tensor w = Tensor::empty(keeping, c.w, Layout::filter), x = Tensor::empty(keeping, c.x);
    rng.fill_uniform(x, -1, 1);
    x.set_requires_grad(true);
    w.prepack_weights();
    for (int change = 0; change < 2; ++change) {
      const Tensor values = Tensor::empty(keeping, c.w, Layout::filter);
      rng.fill_uniform(values, -1, 1);
      w.copy_from(values);
      const Tensor fresh_x = x.detach().to(other);
      fresh_x.set_requires_grad(true);
      const auto want = passes(c, fresh_x, values.to(other));
      CHECK(passes(c, x, w) == want);  // made
      CHECK(w.prepacked_weights()->bytes() > 0);
      CHECK(passes(c, x, w) == want);  // found
    }
    w.set_requires_grad(true);
    CHECK(w.prepacked_weights() == nullptr);
    CHECK(passes(c, x, w).size() == 2);
  }
  const Tensor never = Tensor::zeros(other, {8, 8, 3, 3}, Layout::filter);
  never.prepack_weights();
  CHECK(never.prepacked_weights() == nullptr);
}
