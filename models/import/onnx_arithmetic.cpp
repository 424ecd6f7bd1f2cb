// Sums, differences, products and quotients in ONNX graphs; see onnx_trace.h. With constants they
// are affine functions, of all or per channel, where that is possible.
#include <algorithm>

#include "models/import/onnx_fold.h"
#include "models/import/onnx_trace.h"

namespace gsx::onnx_import {

ArrayPtr compressed(const ArrayPtr& given) {
  Array a = *given;
  for (size_t d = 0; d < a.held.size(); ++d) {
    if (a.held[d] <= 1) continue;
    int64_t inner = 1, outer = 1;
    for (size_t i = 0; i < d; ++i) outer *= a.held[i];
    for (size_t i = d + 1; i < a.held.size(); ++i) inner *= a.held[i];
    const int64_t n = a.held[d];
    const auto same = [&](const auto& values) {
      for (int64_t o = 0; o < outer; ++o)
        for (int64_t i = inner; i < n * inner; ++i)
          if (values[o * n * inner + i] != values[o * n * inner + i % inner]) return false;
      return true;
    };
    const auto keep = [&](auto& values) {
      for (int64_t o = 0; o < outer; ++o)
        std::copy_n(values.begin() + o * n * inner, inner, values.begin() + o * inner);
      values.resize(outer * inner);
    };
    if (a.type == Type::real ? !same(a.reals) : !same(a.integers)) continue;
    if (a.type == Type::real) keep(a.reals);
    else keep(a.integers);
    a.held[d] = 1;
  }
  return std::make_shared<Array>(std::move(a));
}

int affine(Sketch& sketch, int x, const std::vector<float>& scale,
           const std::vector<float>& shift) {
  return sketch.add("affine", {x}, {{"scale", scale}, {"shift", shift}});
}

namespace {

// A constant as an operand: what varies is held, at both sizes the same.
ArrayPtr operand(const Value& c) {
  const ArrayPtr a = compressed(c.a);
  if (c.a != c.b) {
    const ArrayPtr b = compressed(c.b);
    if (a->held != b->held || to_floats({a->type, a->held, a->held, a->reals, a->integers}) !=
                                  to_floats({b->type, b->held, b->held, b->reals, b->integers}))
      throw SizeDependent{"a number computed of the image's size"};
  }
  return a;
}

// scale and shift of x op c, or of c op x; false where it is no affine function of x.
bool as_affine(const std::string& op, bool first, float c, float& scale, float& shift) {
  scale = 1, shift = 0;
  if (op == "add") shift = c;
  else if (op == "sub") scale = first ? -1.0f : 1.0f, shift = first ? c : -c;
  else if (op == "mul") scale = c;
  else if (first) return false;
  else scale = 1 / c;
  return true;
}

// The constant as a node of the rank of the axes, its dimensions where theirs lie.
int constant_node(Sketch& sketch, const Array& c, const std::vector<int>& axes) {
  OnnxNode reorder{"", "Transpose", {}, {}, {}};
  const size_t rank = axes.size();
  Array held{Type::real, c.held, c.held, {}, {}};
  for (int64_t i = 0; i < c.held_size(); ++i) held.reals.push_back(c.real(i));
  held.dims.insert(held.dims.begin(), rank - c.held.size(), 1);
  held.held = held.dims;
  Dims perm(rank);
  for (size_t d = 0; d < rank; ++d) perm[axes[d]] = static_cast<int64_t>(d);
  reorder.attributes["perm"].integers = perm;
  const ArrayPtr ordered = fold(reorder, {std::make_shared<Array>(std::move(held))})[0];
  if (ordered->dims[0] != 1)
    throw Unmapped{"it has other constants for every image of a batch", "one constant for all"};
  return sketch.add_constant({ordered->dims.begin() + 1, ordered->dims.end()}, ordered->reals);
}

// Parts of a value's dimensions where a constant is the same along each that has several.
std::optional<std::vector<int>> parts_beside(const View& v, const Array& c) {
  if (v.dims.size() < c.dims.size()) return std::nullopt;
  const size_t offset = v.dims.size() - c.dims.size();
  for (size_t d = 0; d < c.held.size(); ++d)
    if (v.dims[offset + d].size() > 1 && (c.held[d] != 1 || c.dims[d] != 1)) return std::nullopt;
  for (const Dimension& d : v.dims)
    for (const Factor& f : d)
      if (f.axis < 0) return std::nullopt;
  return parts_of(v, {v.node, std::vector<Dimension>(v.dims.size())});
}

// The constant with as many dimensions of 1 in each one's place.
Value parted(const Value& value, const std::vector<int>& parts) {
  const auto each = [&](const ArrayPtr& given) {
    Array a = *compressed(given);
    Dims dims, held;
    const size_t offset = parts.size() - a.dims.size();
    for (size_t d = 0; d < a.dims.size(); ++d) {
      dims.insert(dims.end(), parts[offset + d] - 1, 1);
      held.insert(held.end(), parts[offset + d] - 1, 1);
      dims.push_back(a.dims[d]);
      held.push_back(a.held[d]);
    }
    a.dims = dims, a.held = held;
    return std::make_shared<const Array>(std::move(a));
  };
  const ArrayPtr a = each(value.a);
  return Value::of(a, value.a == value.b ? a : each(value.b));
}

View with_constant(Trace& t, const std::string& op, const View& given, const Value& value,
                   bool first) {
  const ArrayPtr c = operand(value);
  if (const auto parts = parts_beside(given, *c))
    return joined(with_constant(t, op, parted(given, *parts), parted(value, *parts), first),
                  *parts);
  Sketch& sketch = t.sketch;
  View v = given;
  while (v.rank() < static_cast<int>(c->dims.size()) || v.rank() < 2)
    v.dims.insert(v.dims.begin(), Dimension());
  const Sizes now = extents(v);
  Sizes wanted = now;
  const size_t offset = v.dims.size() - c->dims.size();
  bool larger = false;
  for (size_t d = 0; d < c->dims.size(); ++d) {
    if (c->dims[d] == 1 && value.b->dims[d] == 1) continue;
    wanted[offset + d] = {c->dims[d], value.b->dims[d]};
    larger = larger || now[offset + d] != wanted[offset + d];
  }
  float scale = 0, shift = 0;
  if (!larger && c->held_size() == 1 && as_affine(op, first, c->real(0), scale, shift)) {
    View same = given;
    same.dims = v.dims;
    if (scale == 1 && shift == 0) return same;
    return with_node(same, affine(sketch, v.node, {scale}, {shift}));
  }
  std::optional<std::vector<int>> axes = axes_of(v, sketch.sizes(v.node));
  if (!axes || (*axes)[0] != 0) {
    View once = v;
    for (Dimension& d : once.dims)
      if (std::all_of(d.begin(), d.end(), [](const Factor& f) { return f.axis < 0; })) d.clear();
    v = whole_view(settled(sketch, once), {});
    v = whole_view(v.node, sketch.sizes(v.node));
    axes = axes_of(v, sketch.sizes(v.node));
  }
  const int64_t channels = sketch.sizes(v.node)[1].a;
  bool per_channel = sketch.sizes(v.node).size() == 4;
  for (size_t d = 0; d < c->held.size(); ++d)
    per_channel = per_channel && (c->held[d] == 1 || (*axes)[offset + d] == 1);
  if (per_channel && c->held_size() == channels && as_affine(op, first, 0.5f, scale, shift)) {
    std::vector<float> scales(channels), shifts(channels);
    for (int64_t i = 0; i < channels; ++i) as_affine(op, first, c->real(i), scales[i], shifts[i]);
    return elementwise_view(sketch, affine(sketch, v.node, scales, shifts), *axes, wanted);
  }
  const int other = constant_node(sketch, *c, *axes);
  std::vector<int> inputs = {v.node, other};
  if (first) std::swap(inputs[0], inputs[1]);
  Json attributes = Json::object();
  if (op == "add") attributes["broadcast"] = true;
  return elementwise_view(sketch, sketch.add(op, inputs, attributes), *axes, wanted);
}

}  // namespace

namespace {

// The extents of parted dimensions: where there are several, whichever side has them.
Sizes wanted_parts(const Sizes& wanted, const Sizes& a, const Sizes& b,
                   const std::vector<int>& parts) {
  Sizes result;
  for (size_t d = 0; d < parts.size(); ++d)
    for (int i = 0; i < parts[d]; ++i) {
      const size_t at = result.size();
      result.push_back(parts[d] == 1 ? wanted[d] : (a[at] != Size() ? a[at] : b[at]));
    }
  return result;
}

}  // namespace

View arithmetic(Trace& t, const std::string& op, const Value& x, const Value& y) {
  const bool x_fixed = x.kind == Value::Kind::constant, y_fixed = y.kind == Value::Kind::constant;
  for (const Value* v : {&x, &y})
    if (v->kind == Value::Kind::computed && v->view.node < 0)
      throw Unmapped{"it reads a picture backwards", "reflected borders"};
  if (x_fixed) return with_constant(t, op, y.view, x, true);
  if (y_fixed) return with_constant(t, op, x.view, y, false);
  const Sizes of_x = extents(x.view), of_y = extents(y.view);
  Sizes wanted(std::max({of_x.size(), of_y.size(), size_t{2}}), Size());
  for (const Sizes* sizes : {&of_x, &of_y})
    for (size_t d = 0; d < sizes->size(); ++d) {
      Size& w = wanted[wanted.size() - sizes->size() + d];
      if ((*sizes)[d] != Size()) w = (*sizes)[d];
    }
  View a = x.view, b = y.view;
  for (View* v : {&a, &b}) {
    while (v->dims.size() < wanted.size()) v->dims.insert(v->dims.begin(), Dimension());
    *v = without_repeats(t.sketch, *v);
  }
  const auto parts = parts_of(a, b);
  if (parts) {
    a = parted(a, *parts);
    b = parted(b, *parts);
    wanted = wanted_parts(wanted, extents(a), extents(b), *parts);
  }
  const Aligned both = aligned(t.sketch, a, b);
  Json attributes = Json::object();
  if (op == "add" && t.sketch.sizes(both.x) != t.sketch.sizes(both.y))
    attributes["broadcast"] = true;
  const int n = t.sketch.add(op, {both.x, both.y}, attributes);
  const View result = elementwise_view(t.sketch, n, both.axes, wanted);
  return parts ? joined(result, *parts) : result;
}

}  // namespace gsx::onnx_import
