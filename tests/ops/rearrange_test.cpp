// slice, transpose, pixel_shuffle, pixel_unshuffle and matmul.
#include "tests/ops/op_check.h"

using namespace gsx;
using op_check::Array;
using op_check::Arrays;
using op_check::Case;
using op_check::each;

namespace {

Case make(const std::string& name, const Shape& s,
          std::function<Tensor(const std::vector<Tensor>&)> run,
          std::function<Array(const Arrays&)> reference) {
  Case c;
  c.name = name;
  c.inputs = {{s}};
  c.run = std::move(run);
  c.reference = std::move(reference);
  c.tolerance = 0;  // copies
  return c;
}

void check_slice(const Shape& s, const SliceRange& channels, const SliceRange& rows,
                 const SliceRange& columns, const Shape& want, const std::vector<int64_t>& first,
                 const std::vector<int64_t>& step) {
  op_check::check(make(
      "slice", s, [=](const auto& in) { return slice(in[0], channels, rows, columns); },
      [=](const Arrays& in) {
        Array y(want);
        each(want, [&](auto n, auto c, auto h, auto w) {
          y(n, c, h, w) =
              in[0](n, first[0] + c * step[0], first[1] + h * step[1], first[2] + w * step[2]);
        });
        return y;
      }));
}

void check_transpose(const Shape& s, const std::vector<int>& axes) {
  std::vector<int64_t> dims;
  for (const int a : axes) dims.push_back(s[a]);
  const Shape to(dims.begin(), dims.end());
  op_check::check(make(
      "transpose", s, [=](const auto& in) { return transpose(in[0], axes); },
      [=](const Arrays& in) {
        Array y(to);
        std::vector<int64_t> strides(axes.size(), 1);
        for (int d = s.rank() - 2; d >= 0; --d) strides[d] = strides[d + 1] * s[d + 1];
        for (size_t i = 0; i < y.v.size(); ++i) {
          size_t rest = i;
          int64_t from = 0;
          for (int d = s.rank() - 1; d >= 0; --d) {
            from += static_cast<int64_t>(rest % static_cast<size_t>(to[d])) * strides[axes[d]];
            rest /= static_cast<size_t>(to[d]);
          }
          y.v[i] = in[0].v[static_cast<size_t>(from)];
        }
        return y;
      }));
}

int64_t deep_channel(int64_t c, int64_t i, int64_t j, int64_t r, int64_t channels, bool crd) {
  return crd ? c * r * r + i * r + j : (i * r + j) * channels + c;
}

}  // namespace

TEST_CASE("slice") {
  check_slice({2, 7, 5, 6}, {2, 5}, {}, {}, {2, 3, 5, 6}, {2, 0, 0}, {1, 1, 1});
  check_slice({2, 33, 5, 6}, {1, INT64_MAX, 4}, {1, -1}, {-4, 100, 3}, {2, 8, 3, 2}, {1, 1, 2},
              {4, 1, 3});
  check_slice({1, 3, 3, 3}, {-1}, {0, 1}, {2}, {1, 1, 1, 1}, {2, 0, 2}, {1, 1, 1});
  check_slice({3, 8, 7, 9}, {0, 8}, {0, 7, 2}, {0, 9, 2}, {3, 8, 4, 5}, {0, 0, 0}, {1, 2, 2});
  op_check::check(make(
      "slice", {3, 33},
      [](const auto& in) {
        return slice(in[0], {1, -2, 5});
      },
      [](const Arrays& in) {
        Array y(Shape{3, 6});
        for (int64_t n = 0; n < 3; ++n)
          for (int64_t i = 0; i < 6; ++i) y(n, i) = in[0](n, 1 + 5 * i);
        return y;
      }));
  const auto context = Context::create();
  const Tensor x = Tensor::zeros(context, {1, 4, 2, 2});
  CHECK_THROWS_WITH(
      slice(x, {3, 2}),
      "slice: positions from 3 to before 2 must lie in dimension 1 of x [1, 4, 2, 2]");
  CHECK_THROWS_WITH(slice(x, {0, 4, 0}), "slice: steps must be at least 1, got 0");
}

TEST_CASE("transpose") {
  for (const std::vector<int>& axes : {std::vector<int>{0, 1, 2, 3},
                                       {0, 2, 3, 1},
                                       {0, 3, 1, 2},
                                       {0, 1, 3, 2},
                                       {3, 2, 1, 0},
                                       {1, 0, 2, 3}})
    for (const Shape& s : {Shape{2, 3, 5, 7}, Shape{1, 33, 3, 9}}) check_transpose(s, axes);
  check_transpose({3, 33}, {1, 0});
  check_transpose({2, 3, 7}, {0, 2, 1});
  check_transpose({5, 1, 9}, {2, 1, 0});
  check_transpose({7}, {0});
  const auto context = Context::create();
  CHECK_THROWS_WITH(transpose(Tensor::zeros(context, {2, 3}), {0, 0}),
                    "transpose: axes must name each of the 2 dimensions of x [2, 3] once");
}

TEST_CASE("pixel_shuffle and pixel_unshuffle") {
  for (const bool crd : {true, false})
    for (const int64_t r : {1, 2, 3})
      for (const Shape& s : {Shape{1, 1, 1, 1}, Shape{2, 3, 3, 2}, Shape{2, 9, 5, 7}}) {
        const auto order = crd ? ShuffleOrder::crd : ShuffleOrder::dcr;
        const Shape deep{s[0], s[1] * r * r, s[2], s[3]}, flat{s[0], s[1], s[2] * r, s[3] * r};
        op_check::check(make(
            "pixel_shuffle", deep,
            [=](const auto& in) { return pixel_shuffle(in[0], static_cast<int>(r), order); },
            [=](const Arrays& in) {
              Array y(flat);
              each(flat, [&](auto n, auto c, auto h, auto w) {
                y(n, c, h, w) = in[0](n, deep_channel(c, h % r, w % r, r, s[1], crd), h / r, w / r);
              });
              return y;
            }));
        op_check::check(make(
            "pixel_unshuffle", flat,
            [=](const auto& in) { return pixel_unshuffle(in[0], static_cast<int>(r), order); },
            [=](const Arrays& in) {
              Array y(deep);
              each(flat, [&](auto n, auto c, auto h, auto w) {
                y(n, deep_channel(c, h % r, w % r, r, s[1], crd), h / r, w / r) = in[0](n, c, h, w);
              });
              return y;
            }));
      }
  const auto context = Context::create();
  CHECK_THROWS_WITH(pixel_shuffle(Tensor::zeros(context, {1, 6, 2, 2}), 2),
                    "pixel_shuffle: x [1, 6, 2, 2] must have a multiple of 4 channels for the "
                    "factor 2");
  CHECK_THROWS_WITH(pixel_unshuffle(Tensor::zeros(context, {1, 6, 3, 2}), 2),
                    "pixel_unshuffle: the height and width of x [1, 6, 3, 2] must be multiples of "
                    "the factor 2");
}

TEST_CASE("matmul") {
  struct Sizes {
    int64_t n, a, f, b;
  };
  for (const Sizes& z : {Sizes{1, 1, 1, 1}, Sizes{2, 3, 7, 5}, Sizes{3, 1, 33, 2}, {2, 17, 3, 9}})
    for (const bool transposed : {false, true}) {
      Case c;
      c.name = "matmul";
      c.inputs = {{{z.n, z.a, z.f}}, {transposed ? Shape{z.n, z.b, z.f} : Shape{z.n, z.f, z.b}}};
      c.run = [=](const std::vector<Tensor>& in) { return matmul(in[0], in[1], transposed); };
      c.reference = [=](const Arrays& in) {
        Array y(Shape{z.n, z.a, z.b});
        for (int64_t n = 0; n < z.n; ++n)
          for (int64_t i = 0; i < z.a; ++i)
            for (int64_t j = 0; j < z.b; ++j)
              for (int64_t k = 0; k < z.f; ++k) {
                const int64_t at = transposed ? (n * z.b + j) * z.f + k : (n * z.f + k) * z.b + j;
                y.v[static_cast<size_t>((n * z.a + i) * z.b + j)] +=
                    in[0].v[static_cast<size_t>((n * z.a + i) * z.f + k)] *
                    in[1].v[static_cast<size_t>(at)];
              }
        return y;
      };
      op_check::check(c);
    }
  const auto context = Context::create();
  const Tensor a = Tensor::zeros(context, {2, 3, 4});
  CHECK_THROWS_WITH(matmul(a, a),
                    "matmul: b must be a batch of 2 matrices with 4 rows to match a [2, 3, 4], got "
                    "[2, 3, 4]");
  CHECK_THROWS_WITH(matmul(Tensor::zeros(context, {3, 4}), a),
                    "matmul: a must have shape [N, A, F], got [3, 4]; reshape it first");
}
