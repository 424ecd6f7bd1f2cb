// Max, average and global average pooling.
#include <cmath>
#include <sstream>

#include "tests/ops/op_check.h"

using namespace gsx;
using op_check::Array;
using op_check::Arrays;
using op_check::Case;
using op_check::each;

namespace {

int64_t extent(int64_t in, const PoolOptions& o) {
  const double span = static_cast<double>(in + 2 * o.pad - o.size) / o.stride;
  int64_t n = static_cast<int64_t>(o.ceil_mode ? std::ceil(span) : std::floor(span)) + 1;
  if (o.ceil_mode && (n - 1) * o.stride >= in + o.pad) --n;
  return n;
}

Array pool(const Array& x, const PoolOptions& o, bool max) {
  Array y({x.dim(0), x.dim(1), extent(x.dim(2), o), extent(x.dim(3), o)});
  each(y.shape, [&](auto n, auto c, auto p, auto q) {
    double best = -HUGE_VAL, sum = 0, count = 0;
    for (int64_t r = 0; r < o.size; ++r)
      for (int64_t s = 0; s < o.size; ++s) {
        const int64_t h = p * o.stride - o.pad + r, w = q * o.stride - o.pad + s;
        const bool in_padding = h < x.dim(2) + o.pad && w < x.dim(3) + o.pad;
        const bool in_image = h >= 0 && w >= 0 && h < x.dim(2) && w < x.dim(3);
        if (o.count_include_pad ? in_padding : in_image) count += 1;
        if (!in_image) continue;
        sum += x(n, c, h, w);
        best = std::max(best, x(n, c, h, w));
      }
    y(n, c, p, q) = max ? best : sum / count;
  });
  return y;
}

void check(const Shape& s, const PoolOptions& o) {
  std::ostringstream name;
  name << s << " size " << o.size << " stride " << o.stride << " pad " << o.pad;
  Case c;
  c.inputs = {{s}};
  c.step = 1e-8;  // values in a window may be close
  c.name = "max " + name.str();
  c.run = [=](const std::vector<Tensor>& in) { return max_pool(in[0], o); };
  c.reference = [=](const Arrays& in) { return pool(in[0], o, true); };
  op_check::check(c);
  c.name = "avg " + name.str();
  c.run = [=](const std::vector<Tensor>& in) { return avg_pool(in[0], o); };
  c.reference = [=](const Arrays& in) { return pool(in[0], o, false); };
  op_check::check(c);
}

}  // namespace

TEST_CASE("max and average pooling") {
  check({1, 1, 2, 2}, {});
  check({2, 3, 7, 5}, {});
  check({2, 5, 4, 6}, {.size = 3, .stride = 2, .pad = 1});
  check({2, 5, 5, 6},
        {.size = 3, .stride = 2, .pad = 1, .ceil_mode = true, .count_include_pad = true});
  check({1, 9, 5, 5}, {.size = 3, .stride = 2, .ceil_mode = true});
  check({1, 24, 3, 3}, {.size = 3, .stride = 1, .pad = 1});
  check({1, 2, 5, 7}, {.size = 2, .stride = 3, .ceil_mode = true});
  check({2, 17, 33, 35}, {.size = 3, .stride = 2, .ceil_mode = true});
}

TEST_CASE("global average pooling") {
  for (const Shape& s :
       {Shape{1, 1, 1, 1}, Shape{2, 3, 7, 1}, Shape{2, 33, 3, 1}, Shape{3, 5, 33, 31}}) {
    Case c;
    c.name = "global";
    c.inputs = {{s}};
    c.run = [](const std::vector<Tensor>& in) { return global_avg_pool(in[0]); };
    c.reference = [=](const Arrays& in) {
      Array y({s[0], s[1], 1, 1});
      each(s, [&](auto n, auto k, auto h, auto w) {
        y(n, k, 0, 0) += in[0](n, k, h, w) / static_cast<double>(s[2] * s[3]);
      });
      return y;
    };
    op_check::check(c);
  }
}

TEST_CASE("the first of equal maxima gets the gradient, and a NaN stays visible") {
  const auto context = Context::create();
  const Tensor x = Tensor::from(context, std::vector<float>{1, 1, 1, 1}, {1, 1, 2, 2});
  x.set_requires_grad(true);
  sum(max_pool(x)).backward();
  CHECK(x.grad().to_vector() == std::vector<float>{1, 0, 0, 0});
  const Tensor n = Tensor::from(context, std::vector<float>{1, std::nanf(""), 7, 1}, {1, 1, 2, 2});
  CHECK(std::isnan(max_pool(n).item()));
}

TEST_CASE("pooling says what is wrong with its arguments") {
  const auto context = Context::create();
  const Tensor x = Tensor::zeros(context, {1, 2, 3, 3});
  CHECK_THROWS_WITH(max_pool(x, {.size = 5}),
                    "max_pool: x [1, 2, 3, 3] with padding 0 is smaller than the window 5x5");
  CHECK_THROWS_WITH(avg_pool(x, {.size = 3, .pad = 2}),
                    "avg_pool: pad must be at most half the size 3, got 2");
  CHECK_THROWS_WITH(max_pool(x, {.size = 0}), "max_pool: size must lie in 1 to 16, got 0");
  CHECK_THROWS_WITH(max_pool(x, {.stride = 0}), "max_pool: stride must be at least 1, got 0");
  CHECK_THROWS_WITH(global_avg_pool(Tensor::zeros(context, {3})),
                    "global_avg_pool: x must be an image tensor N C H W, got shape [3]");
}
