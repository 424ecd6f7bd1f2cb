// group_norm: whole groups, layer norm, and groups that have lost constant channels.
#include <cmath>

#include "tests/ops/op_check.h"

using namespace gsx;
using op_check::Array;
using op_check::Arrays;
using op_check::Case;
using op_check::each;

namespace {

// Group g has these channels, and counts these constants too.
struct Group {
  int64_t begin, end;
  std::vector<double> lost;
};

Array reference(const Arrays& in, const std::vector<Group>& groups, double eps, bool affine) {
  const Array& x = in[0];
  const auto plane = static_cast<double>(x.dim(2) * x.dim(3));
  Array y(x.shape);
  for (int64_t n = 0; n < x.dim(0); ++n)
    for (const Group& g : groups) {
      const double count = (double(g.end - g.begin) + double(g.lost.size())) * plane;
      double mean = 0, var = 0;
      for (const double v : g.lost) mean += v * plane;
      const Shape part{1, g.end - g.begin, x.dim(2), x.dim(3)};
      each(part, [&](auto, auto c, auto h, auto w) { mean += x(n, g.begin + c, h, w); });
      mean /= count;
      for (const double v : g.lost) var += (v - mean) * (v - mean) * plane;
      each(part, [&](auto, auto c, auto h, auto w) {
        var += std::pow(x(n, g.begin + c, h, w) - mean, 2);
      });
      var /= count;
      each(part, [&](auto, auto c, auto h, auto w) {
        const auto at = static_cast<size_t>(g.begin + c);
        const double z = (x(n, g.begin + c, h, w) - mean) / std::sqrt(var + eps);
        y(n, g.begin + c, h, w) = affine ? in[1].v[at] * z + in[2].v[at] : z;
      });
    }
  return y;
}

void check(const Shape& s, const GroupNormOptions& o, const std::vector<Group>& groups,
           bool affine) {
  Case c;
  c.name = "group_norm";
  c.inputs = {{.shape = s, .lo = -1, .hi = 3}};
  if (affine) c.inputs.insert(c.inputs.end(), {{{s[1]}}, {{s[1]}}});
  c.run = [=](const std::vector<Tensor>& in) {
    return affine ? group_norm(in[0], in[1], in[2], o) : group_norm(in[0], {}, {}, o);
  };
  const double eps = o.eps;
  c.reference = [=](const Arrays& in) { return reference(in, groups, eps, affine); };
  c.gradient_tolerance = 3e-5;
  op_check::check(c);
}

}  // namespace

TEST_CASE("group_norm of whole groups") {
  for (const bool affine : {true, false})
    for (const auto& [s, count] : {std::pair{Shape{2, 6, 3, 5}, 3},
                                   {Shape{1, 7, 3, 3}, 1},
                                   {Shape{3, 33, 2, 7}, 11},
                                   {Shape{2, 4, 1, 1}, 2},
                                   {Shape{2, 8, 17, 9}, 8},
                                   {Shape{1, 40, 3, 1}, 5}}) {
      std::vector<Group> groups;
      const int64_t each_group = s[1] / count;
      for (int g = 0; g < count; ++g) groups.push_back({g * each_group, (g + 1) * each_group, {}});
      check(s, {.groups = count, .eps = 1e-3f}, groups, affine);
    }
}

TEST_CASE("group_norm where groups have lost constants") {
  // Of four groups of four channels: one whole, two that lost some, one that lost all.
  const GroupNormOptions o{.groups = 4,
                           .eps = 1e-3f,
                           .rests = {{4, 4, 0, 0},
                                     {2, 4, 0.25f, 1.125f},  // -0.5 and 1
                                     {0, 4, 1, 0},
                                     {1, 4, 0.5f, 1.5f}}};  // 0, 0 and 1.5
  const std::vector<Group> groups = {
      {0, 4, {}}, {4, 6, {-0.5, 1}}, {6, 6, {1, 1, 1, 1}}, {6, 7, {0, 0, 1.5}}};
  for (const bool affine : {true, false}) {
    check({2, 7, 3, 5}, o, groups, affine);
    check({1, 7, 1, 1}, o, groups, affine);
  }
}

TEST_CASE("what group_norm refuses") {
  const auto context = Context::create();
  const Tensor x = Tensor::zeros(context, {1, 6, 2, 2});
  CHECK_THROWS_WITH(group_norm(x, {}, {}, {.groups = 4}),
                    "group_norm: groups must divide the channels of x [1, 6, 2, 2], got 4");
  CHECK_THROWS_WITH(group_norm(x, {}, {}, {.groups = 0}),
                    "group_norm: groups must be at least 1, got 0");
  CHECK_THROWS_WITH(group_norm(x, {}, {}, {.groups = 2, .rests = {{3, 4, 0, 0}}}),
                    "group_norm: rests must name each of the 2 groups, got 1");
  CHECK_THROWS_WITH(group_norm(x, {}, {}, {.groups = 1, .rests = {{5, 4, 0, 0}}}),
                    "group_norm: a group must have had the channels it has, got 5 of 4");
  CHECK_THROWS_WITH(group_norm(x, {}, {}, {.groups = 1, .rests = {{4, 8, 0, 0}}}),
                    "group_norm: the rests of the groups have 4 channels, but x has shape [1, 6, "
                    "2, 2]");
  CHECK_THROWS_WITH(group_norm(x, {}, {}, {.eps = 0}), "group_norm: eps must be positive, got 0");
}
