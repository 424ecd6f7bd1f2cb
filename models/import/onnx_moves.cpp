// What only looks at values in another shape or order; see onnx_trace.h.
#include <algorithm>

#include "models/import/onnx_fold.h"
#include "models/import/onnx_places.h"
#include "models/import/onnx_trace.h"

namespace gsx::onnx_import {

namespace {

// Quantised values stay so where nothing is computed.
void give_view(Call& c, View v) {
  c.give(std::move(v));
  c.out.back().grid = c.in[0].grid;
}

View regrouped_or_not(Call& c, const View& v, const Sizes& to) {
  auto result = regrouped(v, to);
  if (!result) {
    // What repeats or lies in parts can have an order of its own first.
    const int n = settled(c.sketch(), v);
    result = regrouped(whole_view(n, c.sketch().sizes(n)), to);
  }
  if (!result) throw Unmapped{"its new shape cuts across the old one", "a shape that divides it"};
  return *result;
}

void reshape(Call& c) {
  const View v = c.view(0);
  const Sizes from = extents(v);
  Sizes to;
  if (c.has(1)) {
    to = c.sizes(1, "shape");
  } else {
    for (const int64_t d : integers_of(c.node, "shape")) to.push_back(d);
  }
  Dims from_a, from_b, to_a, to_b;
  for (const Size& s : from) from_a.push_back(s.a), from_b.push_back(s.b);
  for (const Size& s : to) to_a.push_back(s.a), to_b.push_back(s.b);
  const bool zero = c.integer("allowzero", 0) != 0;
  const Dims a = reshaped(from_a, to_a, zero), b = reshaped(from_b, to_b, zero);
  for (size_t d = 0; d < to.size(); ++d) to[d] = {a[d], b[d]};
  give_view(c, regrouped_or_not(c, v, to));
}

void flatten(Call& c) {
  const View v = c.view(0);
  const int64_t axis = c.integer("axis", 1);
  const int64_t first = axis < 0 ? axis + v.rank() : axis;
  GSX_CHECK(first >= 0 && first <= v.rank(), "it flattens from axis ", axis, " on");
  Sizes to(2);
  for (int64_t d = 0; d < v.rank(); ++d)
    to[d < first ? 0 : 1] = to[d < first ? 0 : 1] * extents(v)[d];
  give_view(c, regrouped_or_not(c, v, to));
}

void transpose(Call& c) {
  const View v = c.view(0);
  Dims perm = integers_of(c.node, "perm");
  if (perm.empty())
    for (int d = v.rank(); d-- > 0;) perm.push_back(d);
  std::vector<int> order;
  for (const int64_t p : perm) order.push_back(static_cast<int>(axis_of(p, v.dims.size())));
  std::vector<int> sorted = order;
  std::sort(sorted.begin(), sorted.end());
  GSX_CHECK(std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end() &&
                order.size() == v.dims.size(),
            "its order of dimensions ", text_of(perm), " is none");
  give_view(c, permuted(v, order));
}

Dims axes_named(Call& c, size_t rank) {
  Dims axes = c.has(1) ? to_dims(*c.constant(1, "axes")) : integers_of(c.node, "axes");
  for (int64_t& a : axes) a = axis_of(a, rank);
  std::sort(axes.begin(), axes.end());
  return axes;
}

void squeeze(Call& c) {
  View v = c.view(0);
  Dims axes = axes_named(c, v.dims.size());
  if (axes.empty())
    for (int d = 0; d < v.rank(); ++d)
      if (v.dims[d].empty()) axes.push_back(d);
  for (size_t i = axes.size(); i-- > 0;) {
    if (!v.dims[axes[i]].empty()) throw Unmapped{"it drops a dimension that is not 1", ""};
    v.dims.erase(v.dims.begin() + axes[i]);
  }
  give_view(c, v);
}

void unsqueeze(Call& c) {
  View v = c.view(0);
  const size_t more =
      c.has(1) ? to_dims(*c.constant(1, "axes")).size() : integers_of(c.node, "axes").size();
  for (const int64_t a : axes_named(c, v.dims.size() + more)) {
    GSX_CHECK(a <= v.rank(), "it names an axis twice");
    v.dims.insert(v.dims.begin() + a, Dimension());
  }
  give_view(c, v);
}

void expand_to(Call& c, View v, const Sizes& to) {
  while (v.dims.size() < to.size()) v.dims.insert(v.dims.begin(), Dimension());
  for (size_t i = 0; i < to.size(); ++i) {
    Dimension& d = v.dims[v.dims.size() - to.size() + i];
    if (to[i] == Size() || to[i] == extent(d)) continue;
    if (!d.empty()) throw Unmapped{"it repeats a dimension that is not 1", "dimensions of 1"};
    d = {{-1, to[i], Size()}};
  }
  give_view(c, v);
}

void expand(Call& c) { expand_to(c, c.view(0), c.sizes(1, "shape")); }

void tile(Call& c) {
  View v = c.view(0);
  const Sizes times = c.sizes(1, "repeats");
  GSX_CHECK(times.size() == v.dims.size(), "it has ", times.size(), " repeats");
  for (size_t d = 0; d < times.size(); ++d)
    if (times[d] != Size()) v.dims[d].insert(v.dims[d].begin(), {-1, times[d], Size()});
  for (Dimension& d : v.dims) simplify(d);
  give_view(c, v);
}

void shape(Call& c) {
  const Sizes all = c.extents(0);
  const auto rank = static_cast<int64_t>(all.size());
  const auto place = [&](const char* name, int64_t otherwise) {
    const int64_t at = c.integer(name, otherwise);
    return std::clamp(at < 0 ? at + rank : at, int64_t{0}, rank);
  };
  Dims a, b;
  for (int64_t d = place("start", 0); d < place("end", rank); ++d) {
    a.push_back(all[d].a);
    b.push_back(all[d].b);
  }
  c.out.push_back(Value::of(integers(a), a == b ? nullptr : integers(b)));
  if (a == b) c.out.back().b = c.out.back().a;
}

void size(Call& c) {
  Size n;
  for (const Size& s : c.extents(0)) n = n * s;
  const auto scalar = [](int64_t v) {
    return std::make_shared<Array>(Array{Type::integer, {}, {}, {}, {v}});
  };
  c.out.push_back(Value::of(scalar(n.a), scalar(n.b)));
}

// Zeros, of any kind, like an input.
void constant_of_shape(Call&) {
  throw Unmapped{"its shape is computed from the image's pixels", "a shape computed of shapes"};
}

void concat(Call& c) {
  std::erase_if(c.in, [](const Value& v) {  // of nothing
    return v.kind == Value::Kind::constant && v.a->size() == 0;
  });
  if (c.in.size() == 1) return c.out.push_back(c.in[0]);
  const int64_t axis = axis_of(c.integer("axis", 1), c.extents(0).size());
  if (joined_places(c, static_cast<int>(axis))) return;
  // Numbers [N,F] are joined as images of one pixel.
  Call::Placed lead;
  size_t leader = 0;
  for (size_t i = 0; i < c.in.size(); ++i)
    if (!c.is_constant(i) && !repeats(c.view(i))) leader = i;
  lead = c.placed(leader);
  const size_t rank = lead.axes.size();
  const bool vectors = rank == 2;
  if (vectors ? axis != 1 : (rank != 4 || lead.axes[axis] != 1)) {
    if (rank == 4) return join_along(c, lead.axes, lead.axes[axis]);
    throw Unmapped{"it joins along axis " + std::to_string(axis), "channels"};
  }
  std::vector<int> inverse(rank), nodes;
  for (size_t d = 0; d < rank; ++d) inverse[lead.axes[d]] = static_cast<int>(d);
  for (size_t i = 0; i < c.in.size(); ++i) {
    View v = c.view(i);
    if (v.dims.size() != rank) throw Unmapped{"it joins values of different ranks", ""};
    View image = permuted(v, inverse);
    if (vectors) image.dims.resize(4);
    nodes.push_back(i == leader && !vectors ? lead.node
                                            : settled(c.sketch(), image, vectors ? -1 : lead.node));
  }
  const int n = c.sketch().add("concat", nodes);
  View y = whole_view(n, c.sketch().sizes(n));
  if (vectors) y.dims.resize(2);
  else y = permuted(y, lead.axes);
  c.give(y);
  c.out.back().grid = c.in[0].grid;
}

void depth_to_space(Call& c) {
  const int x = c.settled(0, 4);
  const int64_t r = c.integer("blocksize", 2);
  const bool crd = c.text("mode", "DCR") == "CRD";
  c.give(c.sketch().add("pixel_shuffle", {x}, {{"factor", r}, {"order", crd ? "crd" : "dcr"}}));
}

void space_to_depth(Call& c) {
  const int x = c.settled(0, 4);
  c.give(c.sketch().add("pixel_unshuffle", {x},
                        {{"factor", c.integer("blocksize", 2)}, {"order", "dcr"}}));
}

// The borders of each axis of an image's node, in front and behind.
struct Borders {
  int64_t front[4] = {0, 0, 0, 0}, behind[4] = {0, 0, 0, 0};
};

Borders borders_of(Call& c, const std::vector<int>& axes) {
  const Dims pads = c.has(1) ? to_dims(*c.constant(1, "pads")) : integers_of(c.node, "pads");
  Dims which;
  if (c.has(3)) which = to_dims(*c.constant(3, "axes"));
  else
    for (size_t d = 0; d < axes.size(); ++d) which.push_back(static_cast<int64_t>(d));
  GSX_CHECK(pads.size() == 2 * which.size(), "it has ", pads.size(), " pads for ", which.size(),
            " dimensions");
  Borders b;
  for (size_t i = 0; i < which.size(); ++i) {
    const int axis = axes[axis_of(which[i], axes.size())];
    b.front[axis] = pads[i];
    b.behind[axis] = pads[which.size() + i];
  }
  return b;
}

void pad(Call& c) {
  const std::string mode = c.text("mode", "constant");
  const bool zero = mode == "constant";
  if (!zero && mode != "reflect" && mode != "edge")
    throw Unmapped{"its mode is " + mode, "constant, reflect or edge"};
  const Call::Placed x = c.placed(0);
  if (x.axes.size() != 4) {
    const bool none = c.has(1) && compressed(c.constant(1, "pads"))->held_size() == 1 &&
                      c.constant(1, "pads")->integer(0) == 0;
    if (none) return c.out.push_back(c.in[0]);
    throw Unmapped{"its input is no image", "images [N,C,H,W]"};
  }
  const Borders b = borders_of(c, x.axes);
  Sketch& s = c.sketch();
  float value = c.real("value", 0);
  if (zero && c.has(2)) value = c.floats(2, "value").at(0);
  if (b.front[0] != 0 || b.behind[0] != 0 || (!zero && (b.front[1] != 0 || b.behind[1] != 0)))
    throw Unmapped{"it pads more than rows and columns", "rows and columns"};
  int node = x.node;
  if (value != 0) node = affine(s, node, {1}, {-value});
  if (b.front[1] != 0 || b.behind[1] != 0) {
    const Sizes sizes = s.sizes(node);
    std::vector<int> parts = {node};
    const auto zeros = [&](int64_t count) {
      GSX_CHECK(count > 0 && count < 4096, "it adds ", count, " channels");
      const int one = s.add(
          "slice", {node},
          {{"channels", {0, 1, 1}}, {"rows", {0, INT64_MAX, 1}}, {"columns", {0, INT64_MAX, 1}}});
      const int nothing = affine(s, one, {0}, {0});
      std::vector<int> copies(static_cast<size_t>(count), nothing);
      return count == 1 ? nothing : s.add("concat", copies);
    };
    if (b.front[1] != 0) parts.insert(parts.begin(), zeros(b.front[1]));
    if (b.behind[1] != 0) parts.push_back(zeros(b.behind[1]));
    node = s.add("concat", parts);
  }
  const Dims sides = {b.front[2], b.behind[2], b.front[3], b.behind[3]};
  if (std::any_of(sides.begin(), sides.end(), [](int64_t n) { return n != 0; }))
    node = s.add(
        "pad", {node},
        {{"pad", sides}, {"pad_mode", zero ? "zero" : (mode == "edge" ? "replicate" : "reflect")}});
  if (value != 0) node = affine(s, node, {1}, {value});
  c.give(node, x.axes);
  c.out.back().grid = c.in[0].grid;
}

void where(Call& c) {
  if (!c.is_constant(0)) throw Unmapped{"its condition is computed", "a constant condition"};
  const ArrayPtr condition = compressed(c.constant(0, "condition"));
  if (condition->held_size() != 1) throw Unmapped{"its condition differs between pixels", ""};
  c.out.push_back(c.in.at(condition->integer(0) != 0 ? 1 : 2));
}

}  // namespace

const Handlers& moving_handlers() {
  static const Handlers table = {{"Reshape", reshape},
                                 {"Flatten", flatten},
                                 {"Transpose", transpose},
                                 {"Squeeze", squeeze},
                                 {"Unsqueeze", unsqueeze},
                                 {"Expand", expand},
                                 {"Tile", tile},
                                 {"Shape", shape},
                                 {"Size", size},
                                 {"ConstantOfShape", constant_of_shape},
                                 {"Concat", concat},
                                 {"Slice", slice_places},
                                 {"Split", split_places},
                                 {"GatherND", gather_nd},
                                 {"DepthToSpace", depth_to_space},
                                 {"SpaceToDepth", space_to_depth},
                                 {"Pad", pad},
                                 {"Where", where}};
  return table;
}

}  // namespace gsx::onnx_import
