// Kinds that only files of others bring: the largest value of a channel, and the grids of quantised
// files.
#include <cmath>

#include "models/graph.h"
#include "tests/models/helpers.h"

using namespace gsx;

namespace {

// The node's value, and that a file's description makes the same node again.
std::vector<float> run(const std::string& kind, const Json& attributes, const Tensor& x) {
  const auto node = make_node(kind, "n", {0}, attributes);
  const auto again = make_node(node->kind(), "n", {0}, Json::parse(node->attributes().dump()));
  CHECK(again->attributes() == node->attributes());
  const Tensor in[] = {x};
  const Shape shapes[] = {x.shape()};
  const Tensor y = node->clone()->run(in, RunOptions{});
  CHECK(y.shape() == again->infer_shape(shapes));
  return y.to_vector();
}

}  // namespace

TEST_CASE("global_max_pool takes the largest value of each channel") {
  const auto c = test::context();
  for (const Shape& s :
       {Shape{1, 1, 1, 1}, Shape{2, 3, 5, 1}, Shape{1, 7, 3, 33}, Shape{2, 33, 7, 2}}) {
    INFO(s);
    const Tensor x = test::image(c, s, 5, -3, -1);  // below zero: borders must not win
    const std::vector<float> all = x.to_vector(), y = run("global_max_pool", Json::object(), x);
    const int64_t pixels = s[2] * s[3];
    for (int64_t i = 0; i < s[0] * s[1]; ++i)
      CHECK(y[i] == *std::max_element(all.begin() + i * pixels, all.begin() + (i + 1) * pixels));
  }
}

TEST_CASE("round_to_grid keeps what a quantised file computes") {
  const auto c = test::context();
  const Tensor x = Tensor::from(
      c, std::vector<float>{-1, -0.25f, 0.25f, 0.75f, 1.25f, 0.3f, 40, -40}, {1, 8, 1, 1});
  // Half to even; a zero point of -126 leaves [-2, 253] of a signed byte.
  CHECK(run("round_to_grid", {{"step", 0.5}, {"lo", -2}, {"hi", 6}}, x) ==
        std::vector<float>{-1, 0, 0, 1, 1, 0.5f, 3, -1});
  // 16 bits are as fine as floats: a product with 1 / step would fall elsewhere.
  const float step = 0.0003f;
  const Tensor fine = test::image(c, {1, 33, 7, 3}, 6, -9, 9);
  const std::vector<float> got =
      run("round_to_grid", {{"step", step}, {"lo", -32768}, {"hi", 32767}}, fine);
  const std::vector<float> from = fine.to_vector();
  for (size_t i = 0; i < got.size(); ++i) CHECK(got[i] == std::nearbyint(from[i] / step) * step);
  CHECK_THROWS_WITH(make_node("round_to_grid", "n", {0}, {{"step", 0.5}, {"lo", 3}, {"hi", 2}}),
                    Contains("hi"));
}
