// linear and gram: the two dense products besides convolution.
#include "tests/ops/op_check.h"

using namespace gsx;
using op_check::Array;
using op_check::Arrays;
using op_check::Case;

namespace {

Case linear_case(int64_t n, int64_t f, int64_t o, bool bias) {
  Case c;
  c.name = "linear " + std::to_string(n) + " " + std::to_string(f) + " " + std::to_string(o);
  c.inputs = {{{n, f}}, {{o, f}}};
  if (bias) c.inputs.push_back({{o}});
  c.run = [=](const std::vector<Tensor>& in) {
    return linear(in[0], in[1], bias ? in[2] : Tensor());
  };
  c.reference = [=](const Arrays& in) {
    Array y({n, o});
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < o; ++j) {
        y(i, j) = bias ? in[2].v[static_cast<size_t>(j)] : 0;
        for (int64_t k = 0; k < f; ++k) y(i, j) += in[0](i, k) * in[1](j, k);
      }
    return y;
  };
  return c;
}

Case gram_case(const Shape& s) {
  Case c;
  c.name = "gram";
  c.inputs = {{.shape = s, .lo = -1}};
  c.run = [](const std::vector<Tensor>& in) { return gram(in[0]); };
  c.reference = [=](const Arrays& in) {
    Array y({s[0], s[1], s[1]});
    const double scale = 1.0 / static_cast<double>(s[1] * s[2] * s[3]);
    for (int64_t n = 0; n < s[0]; ++n)
      for (int64_t a = 0; a < s[1]; ++a)
        for (int64_t b = 0; b < s[1]; ++b)
          for (int64_t h = 0; h < s[2]; ++h)
            for (int64_t w = 0; w < s[3]; ++w)
              y.v[static_cast<size_t>((n * s[1] + a) * s[1] + b)] +=
                  in[0](n, a, h, w) * in[0](n, b, h, w) * scale;
    return y;
  };
  return c;
}

}  // namespace

TEST_CASE("linear") {
  op_check::check(linear_case(1, 1, 1, true));
  op_check::check(linear_case(3, 7, 33, true));
  op_check::check(linear_case(2, 33, 5, false));
  op_check::check(linear_case(7, 3, 1, true));
  op_check::check(linear_case(5, 2100, 40, true));
  op_check::check(linear_case(1, 9, 3000, true));
}

TEST_CASE("gram") {
  for (const Shape& s : {Shape{1, 1, 1, 1}, Shape{2, 3, 7, 5}, Shape{2, 5, 3, 3},
                         Shape{1, 33, 1, 3}, Shape{2, 16, 2, 4}})
    op_check::check(gram_case(s));
  op_check::check(gram_case({2, 11, 37, 33}));
}

TEST_CASE("linear and gram say what is wrong with their arguments") {
  const auto context = Context::create();
  const Tensor x = Tensor::zeros(context, {2, 3});
  CHECK_THROWS_WITH(linear(x, Tensor::zeros(context, {4, 2}), {}),
                    "linear: w must have shape [O, 3] to match x [2, 3], got [4, 2]");
  CHECK_THROWS_WITH(linear(x, Tensor::zeros(context, {4, 3}), Tensor::zeros(context, {3})),
                    "linear: bias must have shape [4], got [3]");
  CHECK_THROWS_WITH(linear(Tensor::zeros(context, {1, 3, 1, 1}), x, {}),
                    "linear: x must have shape [N, F], got [1, 3, 1, 1]; reshape it first");
  CHECK_THROWS_WITH(gram(x), "gram: x must be an image tensor N C H W, got shape [2, 3]");
}
