// add, sub, mul, affine, channel_affine, scale_filters, sum, mean, dot.
#include <sstream>

#include "tests/ops/op_check.h"

using namespace gsx;
using op_check::Array;
using op_check::Arrays;
using op_check::Case;
using op_check::each;

namespace {

const std::vector<Shape> kShapes = {Shape{},           Shape{1},          Shape{33},
                                    Shape{3, 7},       Shape{2, 3, 5},    Shape{1, 1, 1, 1},
                                    Shape{2, 3, 7, 1}, Shape{2, 5, 3, 3}, Shape{1, 33, 3, 2}};

std::string named(const char* op, const Shape& s) {
  std::ostringstream name;
  name << op << ' ' << s;
  return name.str();
}

template <class Op, class F>
void check_pair(const char* name, Op op, F f) {
  for (const Shape& s : kShapes) {
    Case c;
    c.name = named(name, s);
    c.inputs = {{s}, {s}};
    c.run = [=](const std::vector<Tensor>& in) { return op(in[0], in[1]); };
    c.reference = [=](const Arrays& in) {
      Array y(in[0].shape);
      for (size_t i = 0; i < y.v.size(); ++i) y.v[i] = f(in[0].v[i], in[1].v[i]);
      return y;
    };
    op_check::check(c);
  }
}

template <class Op, class F>
Case to_scalar(const std::string& name, std::vector<op_check::Input> inputs, Op op, F f) {
  Case c;
  c.name = name;
  c.inputs = std::move(inputs);
  c.run = op;
  c.reference = [=](const Arrays& in) {
    Array y((Shape()));
    y.v[0] = f(in);
    return y;
  };
  return c;
}

double total(const Array& a) {
  double sum = 0;
  for (const double v : a.v) sum += v;
  return sum;
}

double product(const Arrays& in) {
  double sum = 0;
  for (size_t i = 0; i < in[0].v.size(); ++i) sum += in[0].v[i] * in[1].v[i];
  return sum;
}

Case channel_affine_case(const Shape& s, bool scale, bool shift) {
  Case c;
  c.name = named("channel_affine", s);
  c.inputs = {{s}};
  if (scale) c.inputs.push_back({{s[1]}});
  if (shift) c.inputs.push_back({{s[1]}});
  c.run = [=](const std::vector<Tensor>& in) {
    return channel_affine(in[0], scale ? in[1] : Tensor(), shift ? in.back() : Tensor());
  };
  c.reference = [=](const Arrays& in) {
    Array y(s);
    each(s, [&](auto n, auto k, auto h, auto w) {
      const size_t i = static_cast<size_t>(k);
      y(n, k, h, w) = in[0](n, k, h, w) * (scale ? in[1].v[i] : 1) + (shift ? in.back().v[i] : 0);
    });
    return y;
  };
  return c;
}

}  // namespace

TEST_CASE("add, sub and mul") {
  check_pair("add", add, [](double a, double b) { return a + b; });
  check_pair("sub", sub, [](double a, double b) { return a - b; });
  check_pair("mul", mul, [](double a, double b) { return a * b; });
}

TEST_CASE("affine") {
  for (const Shape& s : kShapes) {
    Case c;
    c.name = named("affine", s);
    c.inputs = {{s}};
    c.run = [](const std::vector<Tensor>& in) { return affine(in[0], -1.5f, 0.75f); };
    c.reference = [](const Arrays& in) {
      Array y = in[0];
      for (double& v : y.v) v = -1.5 * v + 0.75;
      return y;
    };
    op_check::check(c);
  }
}

TEST_CASE("channel_affine") {
  for (const Shape& s :
       {Shape{1, 1, 1, 1}, Shape{2, 3, 7, 5}, Shape{2, 5, 3, 3}, Shape{3, 33, 1, 2}})
    for (const int which : {0, 1, 2, 3})
      op_check::check(channel_affine_case(s, which & 1, which & 2));
  op_check::check(channel_affine_case({2, 20, 33, 31}, true, true));
}

TEST_CASE("scale_filters") {
  for (const Shape& s : {Shape{1, 1, 1, 1}, Shape{3, 7, 3, 3}, Shape{7, 3, 1, 2},
                         Shape{33, 1, 4, 3}, Shape{5, 33, 7, 7}, Shape{20, 18, 3, 3}}) {
    Case c;
    c.name = named("scale_filters", s);
    c.inputs = {{s, Layout::filter}, {{s[0]}}};
    c.run = [](const std::vector<Tensor>& in) { return scale_filters(in[0], in[1]); };
    c.reference = [s](const Arrays& in) {
      Array y(s);
      each(s, [&](auto k, auto i, auto r, auto t) {
        y(k, i, r, t) = in[0](k, i, r, t) * in[1].v[static_cast<size_t>(k)];
      });
      return y;
    };
    op_check::check(c);
  }
}

TEST_CASE("sum, mean and dot") {
  for (const Shape& s : kShapes) {
    const double count = static_cast<double>(s.numel());
    op_check::check(to_scalar(
        named("sum", s), {{s}}, [](const auto& in) { return sum(in[0]); },
        [](const Arrays& in) { return total(in[0]); }));
    op_check::check(to_scalar(
        named("mean", s), {{s}}, [](const auto& in) { return mean(in[0]); },
        [=](const Arrays& in) { return total(in[0]) / count; }));
    op_check::check(to_scalar(
        named("dot", s), {{s}, {s}}, [](const auto& in) { return dot(in[0], in[1]); }, product));
  }
  op_check::check(to_scalar(
      "sum of many", {{.shape = {2, 9, 61, 67}, .lo = 0}},
      [](const auto& in) { return sum(in[0]); }, [](const Arrays& in) { return total(in[0]); }));
}

TEST_CASE("arithmetic says what is wrong with its arguments") {
  const auto context = Context::create();
  const Tensor a = Tensor::zeros(context, {2, 3}), b = Tensor::zeros(context, {3, 2});
  const Tensor bytes = Tensor::zeros(context, {2, 3}, DType::u8);
  CHECK_THROWS_WITH(add(a, b),
                    "add: b must have the shape of a [2, 3], or 1 where one repeats, got [3, 2]");
  CHECK_THROWS_WITH(sub(a, {}), "sub: b must have a value, got an undefined tensor");
  CHECK_THROWS_WITH(mul(bytes, a), "mul: a must be f32, got u8");
  CHECK_THROWS_WITH(dot(a, b), "dot: b must have the shape of a [2, 3], got [3, 2]");
  CHECK_THROWS_WITH(mean(Tensor::zeros(context, {0})), "mean: x must not be empty, got shape [0]");
  CHECK_THROWS_WITH(channel_affine(a, {}, {}),
                    "channel_affine: x must be an image tensor N C H W, got shape [2, 3]");
  CHECK_THROWS_WITH(
      channel_affine(Tensor::zeros(context, {1, 4, 1, 1}), Tensor::zeros(context, {3}), {}),
      "channel_affine: scale must have shape [4] to match the channels of x, got [3]");
  const Tensor image = Tensor::zeros(context, {2, 2, 2, 2});
  CHECK_THROWS_WITH(scale_filters(image, Tensor::zeros(context, {2})),
                    "scale_filters: w must be a filter K C R S, got shape [2, 2, 2, 2]");
  CHECK_THROWS_WITH(scale_filters(Tensor::zeros(context, {2, 2, 2, 2}, Layout::filter),
                                  Tensor::zeros(context, {3})),
                    "scale_filters: scale must have shape [2] to match the filters of w, got [3]");
  const Tensor filter = Tensor::zeros(context, {2, 2, 2, 2}, Layout::filter);
  CHECK_THROWS_WITH(add(image, filter),
                    "add: b must have the layout of a, got the same shape [2, 2, 2, 2] in another");
}
