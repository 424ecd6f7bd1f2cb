// Arithmetic between shapes of which one repeats, div, and means over axes.
#include "tests/ops/op_check.h"

using namespace gsx;
using op_check::Array;
using op_check::Arrays;
using op_check::Case;
using op_check::Input;

namespace {

// Position i of `to`, counted in logical order, seen by an array whose dimensions of 1 repeat.
size_t seen_from(const Shape& to, size_t i, const Shape& from) {
  if (from.rank() == 0) return 0;
  size_t at = 0, stride = 1;
  for (int d = to.rank() - 1; d >= 0; --d) {
    const size_t along = i % static_cast<size_t>(to[d]);
    i /= static_cast<size_t>(to[d]);
    if (from[d] > 1) at += along * stride;
    stride *= static_cast<size_t>(from[d]);
  }
  return at;
}

Shape joined(const Shape& a, const Shape& b) {
  if (a.rank() == 0) return b;
  std::vector<int64_t> dims(a.begin(), a.end());
  for (int d = 0; d < b.rank(); ++d) dims[d] = std::max(dims[d], b[d]);
  return Shape(dims.begin(), dims.end());
}

using Op = Tensor (*)(const Tensor&, const Tensor&);

void check(const std::string& name, Op op, double (*f)(double, double), const Shape& a,
           const Shape& b) {
  Case c;
  c.name = name;
  c.inputs = {{a}, {b}};
  if (name == "div") c.inputs[1] = {.shape = b, .lo = 0.5, .hi = 2};
  c.run = [=](const std::vector<Tensor>& in) { return op(in[0], in[1]); };
  c.reference = [=](const Arrays& in) {
    Array y(joined(a, b));
    for (size_t i = 0; i < y.v.size(); ++i)
      y.v[i] = f(in[0].v[seen_from(y.shape, i, a)], in[1].v[seen_from(y.shape, i, b)]);
    return y;
  };
  op_check::check(c);
}

void check_all(const Shape& a, const Shape& b) {
  check(
      "add", add, [](double x, double y) { return x + y; }, a, b);
  check(
      "sub", sub, [](double x, double y) { return x - y; }, a, b);
  check(
      "mul", mul, [](double x, double y) { return x * y; }, a, b);
  check(
      "div", gsx::div, [](double x, double y) { return x / y; }, a, b);
}

}  // namespace

TEST_CASE("arithmetic where one side repeats") {
  check_all({2, 7, 3, 5}, {2, 7, 1, 1});  // a gate for each channel
  check_all({2, 7, 3, 5}, {2, 1, 3, 5});  // a mask
  check_all({2, 1, 3, 5}, {1, 9, 1, 1});  // both repeat
  check_all({1, 8, 1, 3}, {3, 8, 33, 1});
  check_all({2, 33, 3, 3}, {1, 33, 1, 1});
  check_all({2, 3, 3, 3}, {});
  check_all({}, {2, 5});
  check_all({3, 33}, {3, 1});
  check_all({3, 7}, {1, 7});
  check_all({2, 3, 7}, {2, 1, 7});
  check_all({2, 1, 1}, {1, 5, 3});
  check_all({7}, {1});
}

TEST_CASE("div of equal shapes") {
  for (const Shape& s : {Shape{}, Shape{33}, Shape{2, 7, 3, 5}, Shape{1, 8, 1, 3}})
    check(
        "div", gsx::div, [](double x, double y) { return x / y; }, s, s);
}

TEST_CASE("what does not fit is refused") {
  const auto context = Context::create();
  const Tensor a = Tensor::zeros(context, {2, 3, 4, 4}), b = Tensor::zeros(context, {2, 2, 1, 1});
  CHECK_THROWS_WITH(mul(a, b),
                    "mul: b must have the shape of a [2, 3, 4, 4], or 1 where one "
                    "repeats, got [2, 2, 1, 1]");
  CHECK_THROWS_WITH(
      gsx::div(a, Tensor::zeros(context, {3})),
      "div: b must have the shape of a [2, 3, 4, 4], or 1 where one repeats, got [3]");
  CHECK_THROWS_WITH(reduce_mean(a, {2, 1}), "reduce_mean: axes must ascend from 0 to 3, got 1");
  CHECK_THROWS_WITH(reduce_mean(a, {4}), "reduce_mean: axes must ascend from 0 to 3, got 4");
  const Tensor filter = Tensor::zeros(context, {2, 3, 1, 1}, Layout::filter);
  CHECK_THROWS_WITH(add(filter, Tensor::zeros(context, {2, 1, 1, 1}, Layout::filter)),
                    "add: filters repeat nowhere, got shapes [2, 3, 1, 1] and [2, 1, 1, 1]");
}

TEST_CASE("reduce_mean over any axes") {
  for (const Shape& s :
       {Shape{2, 7, 3, 5}, Shape{3, 33, 17, 9}, Shape{1, 3, 1, 1}, Shape{3, 33}, Shape{2, 3, 7}}) {
    for (int mask = 0; mask < 1 << s.rank(); ++mask) {
      std::vector<int> axes;
      std::vector<int64_t> dims(s.begin(), s.end());
      double count = 1;
      for (int d = 0; d < s.rank(); ++d) {
        if (!(mask >> d & 1)) continue;
        axes.push_back(d);
        count *= static_cast<double>(dims[d]);
        dims[d] = 1;
      }
      const Shape to(dims.begin(), dims.end());
      Case c;
      c.name = "reduce_mean";
      c.inputs = {{s}};
      c.run = [=](const std::vector<Tensor>& in) { return reduce_mean(in[0], axes); };
      c.reference = [=](const Arrays& in) {
        Array y(to);
        for (size_t i = 0; i < in[0].v.size(); ++i) y.v[seen_from(s, i, to)] += in[0].v[i] / count;
        return y;
      };
      op_check::check(c);
    }
  }
}
