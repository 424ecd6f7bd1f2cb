// reshape, pad2d, upsample_nearest, concat.
#include <sstream>

#include "tests/ops/op_check.h"

using namespace gsx;
using op_check::Array;
using op_check::Arrays;
using op_check::Case;
using op_check::each;

namespace {

Case make(const std::string& name, std::vector<op_check::Input> inputs,
          std::function<Tensor(const std::vector<Tensor>&)> run,
          std::function<Array(const Arrays&)> reference) {
  Case c;
  c.name = name;
  c.inputs = std::move(inputs);
  c.run = std::move(run);
  c.reference = std::move(reference);
  c.tolerance = 0;  // copies
  return c;
}

int64_t fold(int64_t i, int64_t n, PadMode mode) {
  if (mode == PadMode::zero) return i >= 0 && i < n ? i : -1;
  if (mode == PadMode::replicate) return std::clamp<int64_t>(i, 0, n - 1);
  return i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i;
}

void check_pad(const Shape& s, const Padding& p, PadMode mode) {
  op_check::check(make(
      "pad2d", {{s}}, [=](const auto& in) { return pad2d(in[0], p, mode); },
      [=](const Arrays& in) {
        Array y({s[0], s[1], s[2] + p.top + p.bottom, s[3] + p.left + p.right});
        each(y.shape, [&](auto n, auto c, auto i, auto j) {
          const int64_t h = fold(i - p.top, s[2], mode), w = fold(j - p.left, s[3], mode);
          y(n, c, i, j) = h < 0 || w < 0 ? 0 : in[0](n, c, h, w);
        });
        return y;
      }));
}

void check_reshape(const Shape& from, const Shape& to) {
  op_check::check(make(
      "reshape", {{from}}, [=](const auto& in) { return reshape(in[0], to); },
      [=](const Arrays& in) {
        Array y(to);
        y.v = in[0].v;
        return y;
      }));
}

}  // namespace

TEST_CASE("pad2d") {
  check_pad({1, 1, 1, 1}, {2, 1, 0, 3}, PadMode::zero);
  check_pad({2, 3, 4, 5}, {1, 2, 3, 1}, PadMode::zero);
  check_pad({2, 5, 4, 5}, {-1, 2, 1, -2}, PadMode::zero);
  check_pad({2, 5, 4, 3}, {3, 1, 2, 2}, PadMode::reflect);
  check_pad({1, 9, 3, 3}, {2, 2, 2, 2}, PadMode::reflect);
  check_pad({1, 33, 2, 1}, {1, 1, 0, 0}, PadMode::reflect);
  check_pad({2, 5, 4, 3}, {3, 1, 0, 2}, PadMode::replicate);
  check_pad({1, 9, 1, 2}, {2, 3, 4, 1}, PadMode::replicate);
  check_pad({2, 24, 33, 31}, {3, 3, 3, 3}, PadMode::reflect);
}

TEST_CASE("upsample_nearest") {
  for (const int factor : {1, 2, 3})
    for (const Shape& s :
         {Shape{1, 1, 1, 1}, Shape{2, 3, 3, 2}, Shape{2, 9, 2, 3}, Shape{1, 33, 23, 7}})
      op_check::check(make(
          "upsample", {{s}}, [=](const auto& in) { return upsample_nearest(in[0], factor); },
          [=](const Arrays& in) {
            Array y({s[0], s[1], s[2] * factor, s[3] * factor});
            each(y.shape, [&](auto n, auto c, auto h, auto w) {
              y(n, c, h, w) = in[0](n, c, h / factor, w / factor);
            });
            return y;
          }));
}

TEST_CASE("concat") {
  for (const std::vector<int64_t>& channels :
       {std::vector<int64_t>{1}, {3, 5}, {8, 1, 7}, {33, 8}}) {
    std::vector<op_check::Input> images, rows;
    for (const int64_t c : channels) {
      images.push_back({{2, c, 3, 2}});
      rows.push_back({{3, c}});
    }
    const auto run = [](const std::vector<Tensor>& in) { return concat(in); };
    op_check::check(make("concat images", images, run, [](const Arrays& in) {
      int64_t total = 0, at = 0;
      for (const Array& a : in) total += a.dim(1);
      Array y({2, total, 3, 2});
      for (const Array& a : in) {
        each(a.shape, [&](auto n, auto c, auto h, auto w) { y(n, at + c, h, w) = a(n, c, h, w); });
        at += a.dim(1);
      }
      return y;
    }));
    op_check::check(make("concat rows", rows, run, [](const Arrays& in) {
      int64_t total = 0, at = 0;
      for (const Array& a : in) total += a.dim(1);
      Array y({3, total});
      for (const Array& a : in) {
        for (int64_t n = 0; n < 3; ++n)
          for (int64_t c = 0; c < a.dim(1); ++c) y(n, at + c) = a(n, c);
        at += a.dim(1);
      }
      return y;
    }));
  }
}

TEST_CASE("slice_batch and concat_batch") {
  const auto image = [](const Array& a, int64_t n) {
    const auto size = static_cast<int64_t>(a.v.size()) / a.dim(0);
    return std::vector<double>(a.v.begin() + n * size, a.v.begin() + (n + 1) * size);
  };
  for (const Shape& s :
       {Shape{4}, Shape{4, 7}, Shape{4, 3, 3}, Shape{4, 3, 2, 5}, Shape{4, 9, 1, 3}}) {
    for (const auto& [first, count] : {std::pair<int64_t, int64_t>{0, 1}, {1, 2}, {3, 1}, {0, 4}}) {
      std::ostringstream name;
      name << "slice " << first << " + " << count << " of " << s;
      op_check::check(make(
          name.str(), {{s}},
          [=](const std::vector<Tensor>& in) { return slice_batch(in[0], first, count); },
          [=](const Arrays& in) {
            std::vector<int64_t> dims(s.begin(), s.end());
            dims[0] = count;
            Array y(Shape(dims.begin(), dims.end()));
            y.v.clear();
            for (int64_t n = first; n < first + count; ++n)
              for (const double v : image(in[0], n)) y.v.push_back(v);
            return y;
          }));
    }
    std::vector<int64_t> dims(s.begin(), s.end());
    dims[0] = 1;
    const Shape one(dims.begin(), dims.end());
    dims[0] = 9;
    std::ostringstream name;
    name << "concat batches of " << s;
    op_check::check(make(
        name.str(), {{s}, {one}, {s}},
        [](const std::vector<Tensor>& in) { return concat_batch(in); },
        [=](const Arrays& in) {
          Array y(Shape(dims.begin(), dims.end()));
          y.v.clear();
          for (const Array& a : in) y.v.insert(y.v.end(), a.v.begin(), a.v.end());
          return y;
        }));
  }
  const auto context = Context::create();
  const Tensor x = Tensor::zeros(context, {2, 3, 4, 4});
  CHECK_THROWS_WITH(slice_batch(x, 1, 2),
                    "slice_batch: images 1 to 2 must lie in the batch, which has 2");
  CHECK_THROWS_WITH(slice_batch(Tensor::zeros(context, Shape{}), 0, 1),
                    "slice_batch: x must be a batch N ..., got shape []");
  CHECK_THROWS_WITH(concat_batch({}), "concat_batch: needs at least one tensor, got none");
  CHECK_THROWS_WITH(concat_batch({x, Tensor::zeros(context, {1, 3, 4, 3})}),
                    "concat_batch: all tensors must agree but for the batch, got [2, 3, 4, 4] and "
                    "[1, 3, 4, 3]");
}

TEST_CASE("reshape keeps the logical order") {
  check_reshape({2, 3, 5, 4}, {2, 60});
  check_reshape({2, 9, 5, 2}, {1, 5, 9, 4});
  check_reshape({6, 5}, {1, 5, 3, 2});
  check_reshape({33}, {3, 11});
  check_reshape({2, 33, 1, 1}, {66});
}

TEST_CASE("resampling says what is wrong with its arguments") {
  const auto context = Context::create();
  const Tensor x = Tensor::zeros(context, {1, 2, 3, 3});
  CHECK_THROWS_WITH(reshape(x, {4, 5}),
                    "reshape: shape [4, 5] must have the 18 elements of x [1, 2, 3, 3], got 20");
  CHECK_THROWS_WITH(reshape(Tensor::zeros(context, {1, 2, 3, 3}, Layout::filter), {18}),
                    "reshape: x must be an image or dense, got a filter");
  CHECK_THROWS_WITH(pad2d(x, Padding::all(3), PadMode::reflect),
                    "pad2d: reflect padding must be smaller than the image [1, 2, 3, 3], got top "
                    "3, bottom 3, left 3, "
                    "right 3");
  CHECK_THROWS_WITH(
      pad2d(x, {-1, 0, 0, 0}, PadMode::reflect),
      "pad2d: reflect padding must not be negative, got top -1, bottom 0, left 0, right 0");
  CHECK_THROWS_WITH(pad2d(x, {-2, -2, 0, 0}, PadMode::zero),
                    "pad2d: cropping leaves no output of x [1, 2, 3, 3], got -1x3");
  CHECK_THROWS_WITH(upsample_nearest(x, 0), "upsample_nearest: factor must be at least 1, got 0");
  CHECK_THROWS_WITH(concat({}), "concat: needs at least one tensor, got none");
  CHECK_THROWS_WITH(
      concat({x, Tensor::zeros(context, {1, 2, 3, 2})}),
      "concat: all tensors must agree but for channels, got [1, 2, 3, 3] and [1, 2, 3, 2]");
}
