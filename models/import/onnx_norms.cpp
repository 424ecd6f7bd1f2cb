// Norms of ONNX graphs; see onnx_trace.h.
#include <algorithm>
#include <cmath>

#include "models/import/onnx_trace.h"

namespace gsx::onnx_import {

namespace {

bool all(const std::vector<float>& values, float v) {
  return std::all_of(values.begin(), values.end(), [&](float x) { return x == v; });
}

int norm(Sketch& s, const char* kind, int x, int64_t channels, float eps, int64_t groups,
         const std::vector<float>& gamma, const std::vector<float>& beta) {
  SketchNode n;
  n.kind = kind;
  n.inputs = {x};
  const bool affine = !gamma.empty() && !(all(gamma, 1) && all(beta, 0));
  n.attributes = {{"channels", channels}, {"affine", affine}, {"eps", std::max(eps, 1e-12f)}};
  if (groups > 0) n.attributes["groups"] = groups;
  if (affine) n.parameters = {{"weight", gamma}, {"bias", beta}};
  return s.add(n);
}

// Whether a view's dimensions behind the first two hold the pixels of an image whole, and the
// second the first part of its channels: the number of parts, 0 where it is not so.
int64_t groups_of(const View& v, const Sizes& axes) {
  if (axes.size() != 4 || v.rank() < 2) return 0;
  Dimension rest = v.dims[1];
  for (int d = 2; d < v.rank(); ++d) rest.insert(rest.end(), v.dims[d].begin(), v.dims[d].end());
  simplify(rest);
  Dimension want;
  for (int axis = 1; axis < 4; ++axis)
    if (axes[axis] != Size()) want.push_back({axis, axes[axis], Size()});
  const Size groups = extent(v.dims[1]);
  if (rest != want || !groups.fixed() || axes[1].a % groups.a != 0) return 0;
  return groups.a;
}

void instance_norm(Call& c) {
  const View v = c.view(0);
  Sketch& s = c.sketch();
  const std::vector<float> gamma = c.floats(1, "scale"), beta = c.floats(2, "shift");
  const float eps = c.real("epsilon", 1e-5f);
  const Sizes axes = s.sizes(v.node);
  const int64_t groups = groups_of(v, axes);
  if (groups > 0 && groups < axes[1].a) {
    if (!all(gamma, gamma.at(0)) || !all(beta, beta.at(0)))
      throw Unmapped{"it scales groups of channels by numbers of their own",
                     "GroupNormalization of opset 21"};
    const std::vector<float> g(axes[1].a, gamma[0]), b(axes[1].a, beta[0]);
    return c.give(with_node(v, norm(s, "group_norm", v.node, axes[1].a, eps, groups, g, b)));
  }
  // [N, C, anything]: the rest are pixels.
  View image = v;
  const Sizes wanted = extents(v);
  if (v.rank() == 3) {
    image.dims.insert(image.dims.begin() + 2, Dimension());
    if (groups == axes[1].a && axes.size() == 4) image = whole_view(v.node, axes);
  }
  if (image.rank() != 4) throw Unmapped{"its input is no image", "[N,C,H,W]"};
  const int x = settled(s, image);
  const int y = norm(s, "instance_norm", x, s.sizes(x)[1].a, eps, 0, gamma, beta);
  c.give(*regrouped(whole_view(y, s.sizes(y)), wanted));
}

void group_norm(Call& c) {
  const int x = c.settled(0, 4);
  const int64_t channels = c.sketch().sizes(x)[1].a, groups = c.integer("num_groups", 1);
  std::vector<float> gamma = c.floats(1, "scale"), beta = c.floats(2, "shift");
  GSX_CHECK(groups > 0 && channels % groups == 0, groups, " groups do not divide ", channels,
            " channels");
  // Opsets 18 to 20 have a number for each group, later ones for each channel.
  for (std::vector<float>* values : {&gamma, &beta}) {
    if (c.trace.model.opset >= 21 && static_cast<int64_t>(values->size()) == channels) continue;
    GSX_CHECK(static_cast<int64_t>(values->size()) == groups, "it has ", values->size(),
              " scales for ", groups, " groups");
    std::vector<float> each;
    for (const float g : *values) each.insert(each.end(), channels / groups, g);
    *values = each;
  }
  c.give(
      norm(c.sketch(), "group_norm", x, channels, c.real("epsilon", 1e-5f), groups, gamma, beta));
}

void batch_norm(Call& c) {
  View v = c.view(0);
  if (v.rank() < 2) throw Unmapped{"its input is no image", "[N,C,H,W]"};
  const Sizes wanted = extents(v);
  Sketch& s = c.sketch();
  if (c.integer("training_mode", 0) != 0)
    c.trace.note("batch norm '" + c.node.name +
                 "' is in training mode; its running statistics are " + "used, as in eval mode");
  int x = -1;
  std::vector<int> axes;
  if (v.rank() == 4) {
    const Call::Placed placed = c.placed(0);
    if (placed.axes[1] == 1) x = placed.node, axes = placed.axes;
  }
  if (x < 0) {
    while (v.rank() < 4) v.dims.emplace_back();
    x = settled(s, v);
    axes = {0, 1, 2, 3};
  }
  SketchNode n;
  n.kind = "batch_norm";
  n.inputs = {x};
  n.attributes = {{"channels", s.sizes(x)[1].a},
                  {"affine", true},
                  {"eps", std::max(c.real("epsilon", 1e-5f), 1e-12f)},
                  {"momentum", 0.1}};
  n.parameters = {{"weight", c.floats(1, "scale")},
                  {"bias", c.floats(2, "shift")},
                  {"running_mean", c.floats(3, "mean")},
                  {"running_var", c.floats(4, "variance")}};
  for (const auto& p : n.parameters)
    GSX_CHECK(static_cast<int64_t>(p.second.size()) == s.sizes(x)[1].a, "it has ", p.second.size(),
              " numbers for ", s.sizes(x)[1].a, " channels");
  const int y = s.add(n);
  View result = permuted(whole_view(y, s.sizes(y)), axes);
  if (wanted.size() < 4) result = *regrouped(result, wanted);
  c.give(result);
}

// gamma * (x - mean) / sqrt(var + eps) + beta over these axes of a node, by its parts.
int layer_norm_of_axes(Sketch& s, int x, const std::vector<int>& axes, float eps) {
  const int centred = s.add("sub", {x, s.add("reduce_mean", {x}, {{"axes", axes}})});
  const int squares = s.add("mul", {centred, centred});
  const int variance = s.add("reduce_mean", {squares}, {{"axes", axes}});
  const int deviation = s.add("sqrt", {affine(s, variance, {1}, {eps})});
  return s.add("div", {centred, deviation});
}

void layer_norm(Call& c) {
  const View v = c.view(0);
  Sketch& s = c.sketch();
  const Sizes axes = s.sizes(v.node);
  const int64_t rank = v.rank(), given = c.integer("axis", -1);
  const int64_t first = given < 0 ? given + rank : given;
  GSX_CHECK(first >= 1 && first < rank, "it normalises from axis ", given, " on");
  const float eps = c.real("epsilon", 1e-5f);
  Dimension over;
  for (int64_t d = first; d < rank; ++d)
    over.insert(over.end(), v.dims[d].begin(), v.dims[d].end());
  std::sort(over.begin(), over.end(), [](const Factor& a, const Factor& b) {
    return std::pair(a.axis, -a.stride.a) < std::pair(b.axis, -b.stride.a);
  });
  simplify(over);
  std::vector<int> which;
  for (const Factor& f : over) {
    if (f.axis < 1 || f.stride != Size() || f.size != axes[f.axis])
      throw Unmapped{"it normalises over a part of a dimension", "whole dimensions"};
    which.push_back(f.axis);
  }
  const bool image = axes.size() == 4;
  const auto pixels_of_one = [&] { return image && axes[2] == Size() && axes[3] == Size(); };
  const bool whole =
      image && (which == std::vector{1, 2, 3} || (which == std::vector{1} && pixels_of_one()));
  View y;
  if (whole) y = with_node(v, norm(s, "group_norm", v.node, axes[1].a, eps, 1, {}, {}));
  else if (image && which == std::vector{2, 3})
    y = with_node(v, norm(s, "instance_norm", v.node, axes[1].a, eps, 0, {}, {}));
  else y = with_node(v, layer_norm_of_axes(s, v.node, which, eps));
  if (c.has(1)) y = arithmetic(c.trace, "mul", Value::of(y), c.in[1]);
  if (c.has(2)) y = arithmetic(c.trace, "add", Value::of(y), c.in[2]);
  c.give(y);
}

void mean_variance(Call& c) {  // MeanVarianceNormalization
  const auto given = c.node.attributes.find("axes");
  const Dims axes = given == c.node.attributes.end() ? Dims{0, 2, 3} : given->second.integers;
  const int x = c.settled(0, 4);
  if (axes == Dims{2, 3})
    return c.give(norm(c.sketch(), "instance_norm", x, c.sketch().sizes(x)[1].a, 1e-9f, 0, {}, {}));
  if (axes == Dims{1, 2, 3})
    return c.give(norm(c.sketch(), "group_norm", x, c.sketch().sizes(x)[1].a, 1e-9f, 1, {}, {}));
  throw Unmapped{"it takes statistics over the batch", "axes [2, 3] or [1, 2, 3]"};
}

}  // namespace

const Handlers& norm_handlers() {
  static const Handlers table = {{"InstanceNormalization", instance_norm},
                                 {"GroupNormalization", group_norm},
                                 {"BatchNormalization", batch_norm},
                                 {"LayerNormalization", layer_norm},
                                 {"MeanVarianceNormalization", mean_variance}};
  return table;
}

}  // namespace gsx::onnx_import
