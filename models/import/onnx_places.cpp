// Places of a dimension, taken in an order; see onnx_places.h.
#include "models/import/onnx_places.h"

#include <algorithm>
#include <numeric>

#include "models/import/onnx_fold.h"

namespace gsx::onnx_import {

namespace {

// A node's axis with other extents: a view whose dimension `dim` was axis, now of the new node.
void give_axis(Call& c, int node, const std::vector<int>& axes) {
  c.give(node, axes);
  c.out.back().grid = c.in[0].grid;
}

Json whole_range() { return {0, INT64_MAX, 1}; }

int slice_axis(Sketch& s, int x, int axis, const Json& range) {
  Json all = whole_range();
  return s.add("slice", {x},
               {{"channels", axis == 1 ? range : all},
                {"rows", axis == 2 ? range : all},
                {"columns", axis == 3 ? range : all}});
}

// The order [i, i + 1, ...].
Dims counted(int64_t n) {
  Dims places(n);
  std::iota(places.begin(), places.end(), 0);
  return places;
}

int64_t mirrored(int64_t i, int64_t n) {
  if (i < 0) i = -i;
  return i < n ? i : 2 * n - 2 - i;
}

// Whether `places` of n are what rule(i - front) says.
template <class Rule>
bool follows(const Dims& places, int64_t front, Rule rule) {
  for (size_t i = 0; i < places.size(); ++i)
    if (places[i] != rule(static_cast<int64_t>(i) - front)) return false;
  return true;
}

int64_t place_of(const Dims& places, int64_t what) {
  return std::find(places.begin(), places.end(), what) - places.begin();
}

// A node that takes these places along an axis of an image (1 to 3); -1 where there is none.
int taking(Sketch& s, int x, int axis, const Dims& a, const Dims& b) {
  const Size n = s.sizes(x)[axis];
  if (a.empty() || b.empty() || *std::min_element(a.begin(), a.end()) < 0) return -1;
  if (a == counted(n.a) && b == counted(n.b)) return x;
  const auto bordered = [&](const char* mode, int64_t front, int64_t behind) {
    Dims pad(4, 0);
    pad[2 * (axis - 2)] = front;
    pad[2 * (axis - 2) + 1] = behind;
    return s.add("pad", {x}, {{"pad", pad}, {"pad_mode", mode}});
  };
  if (axis >= 2) {
    const auto size = [](const Dims& d) { return static_cast<int64_t>(d.size()); };
    const int64_t zero = place_of(a, 0), more = size(a) - n.a - zero;
    const auto reflects = [&](const Dims& d, int64_t m) {
      return follows(d, zero, [&](int64_t i) { return mirrored(i, m); });
    };
    if (zero >= 0 && more >= 0 && zero < n.a && more < n.a && size(b) - n.b == size(a) - n.a &&
        reflects(a, n.a) && reflects(b, n.b))
      return bordered("reflect", zero, more);
    const int64_t front = n.a > 1 ? place_of(a, 1) - 1 : -1, behind = size(a) - n.a - front;
    const auto repeats = [&](const Dims& d, int64_t m) {
      return follows(d, front, [&](int64_t i) { return std::clamp<int64_t>(i, 0, m - 1); });
    };
    if (front >= 0 && behind >= 0 && size(b) - n.b == size(a) - n.a && repeats(a, n.a) &&
        repeats(b, n.b))
      return bordered("replicate", front, behind);
    const int64_t factor = size(a) / n.a;
    const auto nearest = [&](int64_t i) { return i / factor; };
    if (factor >= 2 && size(a) == factor * n.a && size(b) == factor * n.b &&
        follows(a, 0, nearest) && follows(b, 0, nearest)) {
      std::vector<double> scale = {1.0, 1.0};
      scale[axis - 2] = static_cast<double>(factor);
      return s.add("resize", {x},
                   {{"mode", "nearest"},
                    {"coordinates", "asymmetric"},
                    {"rounding", "floor"},
                    {"scale", scale}});
    }
  }
  // Any order, in runs that go up; forwards alone where there is one.
  if (a != b || a.size() > 1024) return -1;
  std::vector<Dims> runs;
  for (const int64_t place : a) {
    if (runs.empty() || place != runs.back().back() + 1) runs.emplace_back();
    runs.back().push_back(place);
  }
  if (axis != 1 && (runs.size() > 1 || !n.fixed())) return -1;
  std::vector<int> parts;
  for (const Dims& run : runs)
    parts.push_back(slice_axis(s, x, axis, {run.front(), run.back() + 1, 1}));
  return parts.size() == 1 ? parts[0] : s.add("concat", parts);
}

// The value as an image, whatever the order of its dimensions: a batch in front.
View as_image(Sketch& s, const View& v) {
  const auto axes = axes_of(v, s.sizes(v.node));
  if (v.rank() != 4 || axes) return v;
  std::vector<int> order = order_in_node(v), inverse(4);
  const auto batch = std::find_if(order.begin(), order.end(), [&](int d) {
    return v.dims[d].empty() || v.dims[d][0].axis == 0;
  });
  if (batch == order.end()) return v;
  std::rotate(order.begin(), batch, batch + 1);
  for (int i = 0; i < 4; ++i) inverse[order[i]] = i;
  const int n = settled(s, permuted(v, order));
  return permuted(whole_view(n, s.sizes(n)), inverse);
}

// Gives what takes these places of dimension dim, or remembers it for what joins it.
void take_or_remember(Call& c, const View& given, int dim, const Dims& a, const Dims& b) {
  const View base = as_image(c.sketch(), given);
  Value result;
  result.kind = Value::Kind::computed;
  result.taken = Taken{base, dim, a, b};
  result.grid = c.in[0].grid;
  const auto axes = axes_of(base, c.sketch().sizes(base.node));
  const bool image = axes && (axes->size() == 4 || axes->size() == 2);
  if (image && (*axes)[dim] > 0) {
    const int n = taking(c.sketch(), base.node, (*axes)[dim], a, b);
    if (n >= 0) result.view = permuted(whole_view(n, c.sketch().sizes(n)), *axes);
  }
  c.out.push_back(std::move(result));
}

Dims places_of(const Places& p) {
  Dims result;
  for (int64_t i = 0; i < p.count; ++i) result.push_back(p.first + i * p.step);
  return result;
}

// The numbers a slice node has for a range whose raw bounds are the same at both sizes or, where
// they are not, lie equally far from the end.
bool as_range(const Size& raw, const Size& extent, bool end, int64_t& bound) {
  bound = raw.a;
  if (raw.fixed()) return true;
  if (raw.a - extent.a != raw.b - extent.b || raw.a > extent.a) return false;
  bound = raw.a - extent.a;
  if (bound == 0 && end) bound = INT64_MAX;
  return bound != 0;
}

}  // namespace

void slice_places(Call& c) {
  const Sizes from = c.extents(0);
  Dims from_a, from_b;
  for (const Size& s : from) from_a.push_back(s.a), from_b.push_back(s.b);
  const bool by_inputs = c.in.size() > 2;
  std::vector<ArrayPtr> in_a, in_b;
  for (size_t i = 0; i < c.in.size(); ++i) {
    if (i > 0 && c.has(i) && !c.is_constant(i))
      throw Unmapped{"its bounds are computed from pixels", "constant bounds"};
    in_a.push_back(c.in[i].a);
    in_b.push_back(c.in[i].b);
  }
  const std::vector<Places> a = sliced(c.node, in_a, from_a), b = sliced(c.node, in_b, from_b);
  const Dims starts_a = by_inputs ? to_dims(*in_a[1]) : integers_of(c.node, "starts");
  const Dims starts_b = by_inputs ? to_dims(*in_b[1]) : starts_a;
  const Dims ends_a = by_inputs ? to_dims(*in_a[2]) : integers_of(c.node, "ends");
  const Dims ends_b = by_inputs ? to_dims(*in_b[2]) : ends_a;
  Dims axes = by_inputs ? axes_of(c.node, in_a, 3) : integers_of(c.node, "axes");
  if (axes.empty()) axes = counted(static_cast<int64_t>(starts_a.size()));
  const auto cuts = [&](size_t d) {
    return a[d].count != from_a[d] || b[d].count != from_b[d] || a[d].step != 1;
  };
  for (size_t i = 0; i < axes.size(); ++i) {
    const auto dim = static_cast<size_t>(axis_of(axes[i], from.size()));
    if (!cuts(dim)) continue;
    const bool last = std::none_of(axes.begin() + static_cast<int64_t>(i) + 1, axes.end(),
                                   [&](int64_t d) { return cuts(axis_of(d, from.size())); });
    if (a[dim].step < 0 || a[dim].step != b[dim].step) {
      if (!last || !c.out.empty()) throw Unmapped{"it slices backwards", "forward slices"};
      return take_or_remember(c, c.view(0), static_cast<int>(dim), places_of(a[dim]),
                              places_of(b[dim]));
    }
    const View base = c.view(0);
    const Call::Placed x = c.placed(0);
    const int axis = x.axes[dim];
    int64_t begin = 0, end = 0;
    if (axis == 0 || (x.axes.size() != 4 && (x.axes.size() != 2 || axis != 1)))
      throw Unmapped{"it slices a dimension that is neither channels nor pixels", ""};
    if (!as_range({starts_a[i], starts_b[i]}, from[dim], false, begin) ||
        !as_range({ends_a[i], ends_b[i]}, from[dim], true, end))
      throw SizeDependent{"the bounds of a slice"};
    const int n = slice_axis(c.sketch(), x.node, axis, {begin, end, a[dim].step});
    Value now = Value::of(permuted(whole_view(n, c.sketch().sizes(n)), x.axes));
    now.grid = c.in[0].grid;
    if (last && c.out.empty())
      now.taken = Taken{base, static_cast<int>(dim), places_of(a[dim]), places_of(b[dim])};
    c.in[0] = now;
  }
  c.out.push_back(c.in[0]);
}

void split_places(Call& c) {
  const Call::Placed x = c.placed(0);
  const size_t dim = axis_of(c.integer("axis", 0), x.axes.size());
  const int axis = x.axes[dim];
  const Size n = c.sketch().sizes(x.node)[axis];
  if (axis == 0 || !n.fixed() || (x.axes.size() != 4 && (x.axes.size() != 2 || axis != 1)))
    throw Unmapped{"it splits a dimension that is not channels", "channels"};
  int64_t at = 0;
  for (const int64_t part : parts_of(c.node, c.has(1) ? c.constant(1, "parts") : nullptr, n.a)) {
    const int one = slice_axis(c.sketch(), x.node, axis, {at, at + part, 1});
    c.give(one, x.axes);
    c.out.back().grid = c.in[0].grid;
    at += part;
  }
}

void gather_places(Call& c) {
  if (!c.is_constant(1)) throw Unmapped{"its places are computed", "constant places"};
  const View v = c.view(0);
  const auto dim = static_cast<int>(axis_of(c.integer("axis", 0), v.dims.size()));
  const Sizes from = extents(v);
  const ArrayPtr a = dense(c.in[1].a), b = dense(c.in[1].b);
  const auto placed = [&](const Array& x, int64_t n) {
    Dims places;
    for (const int64_t i : x.integers) places.push_back(axis_of(i, static_cast<size_t>(n)));
    return places;
  };
  if (a->dims.size() > 1) throw Unmapped{"it gathers by a matrix of places", "a list of places"};
  take_or_remember(c, v, dim, placed(*a, from[dim].a), placed(*b, from[dim].b));
  if (a->dims.empty() && c.out[0].view.node >= 0) {  // one place: the dimension goes
    c.out[0].view.dims.erase(c.out[0].view.dims.begin() + dim);
    c.out[0].taken.reset();
  }
}

void gather_nd(Call& c) {
  if (!c.is_constant(1) || c.integer("batch_dims", 0) != 0)
    throw Unmapped{"its places are computed", "constant places"};
  const View v = c.view(0);
  // Places [rows, columns, 2] of the first two dimensions: rows and columns by lists of their own.
  const auto lists = [&](const ArrayPtr& given, Dims& rows, Dims& columns) {
    const ArrayPtr p = dense(given);
    if (p->dims.size() != 3 || p->dims[2] != 2)
      throw Unmapped{"it gathers single elements", "rows and columns of pixels"};
    const int64_t h = p->dims[0], w = p->dims[1];
    for (int64_t i = 0; i < h; ++i) rows.push_back(p->integers[i * w * 2]);
    for (int64_t j = 0; j < w; ++j) columns.push_back(p->integers[j * 2 + 1]);
    for (int64_t i = 0; i < h; ++i)
      for (int64_t j = 0; j < w; ++j)
        if (p->integers[(i * w + j) * 2] != rows[i] ||
            p->integers[(i * w + j) * 2 + 1] != columns[j])
          throw Unmapped{"it gathers single elements", "rows and columns of pixels"};
  };
  Dims rows_a, columns_a, rows_b, columns_b;
  lists(c.in[1].a, rows_a, columns_a);
  lists(c.in[1].b, rows_b, columns_b);
  take_or_remember(c, v, 0, rows_a, rows_b);
  if (c.out[0].view.node >= 0) {
    const View rows = c.out[0].view;
    c.out.clear();
    take_or_remember(c, rows, 1, columns_a, columns_b);
  }
  if (c.out[0].view.node < 0)
    throw Unmapped{"it gathers pixels in an order of its own", "nearest up-sampling by a factor"};
}

bool joined_places(Call& c, int dim) {
  const Taken* first = nullptr;
  for (const Value& v : c.in)
    if (v.taken && v.taken->dim == dim) first = &*v.taken;
  if (!first) return false;
  const View base = first->base;
  const Sizes all = extents(base);
  Dims a, b;
  for (const Value& v : c.in) {
    if (v.kind != Value::Kind::computed) return false;
    const auto same = [&](const View& x) { return x.node == base.node && x.dims == base.dims; };
    if (v.taken && v.taken->dim == dim && same(v.taken->base)) {
      a.insert(a.end(), v.taken->a.begin(), v.taken->a.end());
      b.insert(b.end(), v.taken->b.begin(), v.taken->b.end());
    } else if (v.view.node >= 0 && same(v.view)) {
      for (const int64_t i : counted(all[dim].a)) a.push_back(i);
      for (const int64_t i : counted(all[dim].b)) b.push_back(i);
    } else {
      return false;
    }
  }
  take_or_remember(c, base, dim, a, b);
  if (c.out[0].view.node >= 0) return true;
  c.out.clear();
  return false;
}

void join_along(Call& c, const std::vector<int>& axes, int axis) {
  if (axis < 2) throw Unmapped{"it joins images of a batch", "channels, rows or columns"};
  // Each part is padded with zeros to where the others lie, and all are added.
  std::vector<int> inverse(4), nodes;
  for (int d = 0; d < 4; ++d) inverse[axes[d]] = d;
  Size total(0);
  Sketch& s = c.sketch();
  for (size_t i = 0; i < c.in.size(); ++i) {
    nodes.push_back(settled(s, permuted(c.view(i), inverse)));
    const Size n = s.sizes(nodes.back())[axis];
    total = {total.a + n.a, total.b + n.b};
  }
  int sum = -1;
  Size before(0);
  for (int& node : nodes) {
    const Size n = s.sizes(node)[axis], behind(total.a - before.a - n.a, total.b - before.b - n.b);
    if (!before.fixed() || !behind.fixed()) throw SizeDependent{"rows or columns joined"};
    Dims pad(4, 0);
    pad[2 * (axis - 2)] = before.a;
    pad[2 * (axis - 2) + 1] = behind.a;
    node = s.add("pad", {node}, {{"pad", pad}, {"pad_mode", "zero"}});
    sum = sum < 0 ? node : s.add("add", {sum, node});
    before = {before.a + n.a, before.b + n.b};
  }
  give_axis(c, sum, axes);
}

}  // namespace gsx::onnx_import
