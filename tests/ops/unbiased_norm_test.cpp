// Norms whose variance divides by one less than the number of elements, as norms whose variance
// does not.
#include <cmath>
#include <sstream>

#include "engine/integer.h"
#include "tests/ops/op_check.h"

using namespace gsx;
using op_check::Array;
using op_check::Arrays;
using op_check::Case;

namespace {

constexpr float kEps = 1e-3f;

// Over `together` neighbouring channels of each image.
Array norm(const Arrays& in, int64_t together, bool affine) {
  const Array& x = in[0];
  Array y(x.shape);
  const int64_t pixels = x.dim(2) * x.dim(3), n = together * pixels;
  for (int64_t first = 0; first < static_cast<int64_t>(x.v.size()); first += n) {
    double mean = 0, squares = 0;
    for (int64_t i = first; i < first + n; ++i) mean += x.v[i] / static_cast<double>(n);
    for (int64_t i = first; i < first + n; ++i) squares += std::pow(x.v[i] - mean, 2);
    const double root = std::sqrt(squares / static_cast<double>(n - 1) + kEps);
    for (int64_t i = first; i < first + n; ++i) {
      const auto c = static_cast<size_t>(i / pixels % x.dim(1));
      y.v[i] = (x.v[i] - mean) / root;
      if (affine) y.v[i] = in[1].v[c] * y.v[i] + in[2].v[c];
    }
  }
  return y;
}

Tensor run(const std::vector<Tensor>& in, int64_t groups, bool affine) {
  const Tensor& x = in[0];
  const NormSpec given{affine ? in[1] : Tensor(), affine ? in[2] : Tensor(), kEps, true};
  const int64_t n = x.dim(1) / std::max<int64_t>(1, groups) * x.dim(2) * x.dim(3);
  const NormSpec s = by_biased_variance(given, x, groups > 0 ? n : x.dim(2) * x.dim(3));
  if (groups > 0) return group_norm(x, s.gamma, s.beta, {static_cast<int>(groups), s.eps, {}});
  return instance_norm(x, s.gamma, s.beta, {.eps = s.eps, .quantize = {}});
}

}  // namespace

TEST_CASE("norms by unbiased variances") {
  for (const Shape& s :
       {Shape{1, 1, 3, 3}, Shape{2, 3, 7, 1}, Shape{1, 33, 3, 7}, Shape{2, 8, 1, 2}})
    for (const bool affine : {true, false})
      for (const int64_t groups : {0, 1}) {
        std::ostringstream name;
        name << s << (affine ? " affine" : "") << (groups ? " over all channels" : "");
        Case c;
        c.name = name.str();
        c.inputs = {{s}};
        if (affine) {
          c.inputs.push_back({.shape = {s[1]}, .lo = 0.5, .hi = 1.5});
          c.inputs.push_back({.shape = {s[1]}, .lo = -0.5, .hi = 0.7});
        }
        c.run = [=](const std::vector<Tensor>& in) { return run(in, groups, affine); };
        c.reference = [=](const Arrays& in) { return norm(in, groups ? s[1] : 1, affine); };
        op_check::check(c);
      }
}

TEST_CASE("an unbiased variance needs two elements") {
  const Tensor x = Tensor::zeros(Context::create(), {1, 4, 1, 1});
  CHECK_THROWS_WITH(by_biased_variance({{}, {}, kEps, true}, x, 1),
                    "norm: an unbiased variance needs at least 2 elements, got shape [1, 4, 1, 1]; "
                    "give a larger image");
  CHECK(by_biased_variance({{}, {}, kEps, false}, x, 1).eps == kEps);
}

TEST_CASE("the integer program's norms by unbiased variances") {
  const ContextPtr c = Context::create();
  const Shape shape{1, 5, 3, 7};
  std::vector<float> values = op_check::random_values({shape}, 3);
  const Tensor x = Tensor::from(c, values, shape);
  const NormLine line = norm_of_reals(x, {{}, {}, kEps, true});
  const std::vector<float> slope = line.slope.to_vector();
  const Array in = op_check::to_array(x);
  const Array want = norm({in}, 1, false);
  for (int64_t k = 0; k < 5; ++k) {
    const double got = (want(0, k, 0, 0) - want(0, k, 2, 6)) / (in(0, k, 0, 0) - in(0, k, 2, 6));
    CHECK(std::abs(slope[static_cast<size_t>(k)] / got - 1) < 1e-5);
  }
}
