// Elementwise operations of ONNX graphs; see onnx_trace.h.
#include <algorithm>
#include <cmath>

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

View with_constant(Trace& t, const std::string& op, const View& given, const Value& value,
                   bool first) {
  const ArrayPtr c = operand(value);
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
  const Aligned both = aligned(t.sketch, x.view, y.view);
  Json attributes = Json::object();
  if (op == "add" && t.sketch.sizes(both.x) != t.sketch.sizes(both.y))
    attributes["broadcast"] = true;
  const int n = t.sketch.add(op, {both.x, both.y}, attributes);
  return elementwise_view(t.sketch, n, both.axes, wanted);
}

namespace {

template <const char* const& Op>
void binary(Call& c) {
  c.give(arithmetic(c.trace, Op, c.in.at(0), c.in.at(1)));
}
constexpr const char *kAdd = "add", *kSub = "sub", *kMul = "mul", *kDiv = "div";

// A function of one element keeps the view.
void unary(Call& c, const std::string& kind, const Json& attributes = Json::object()) {
  const View v = c.view(0);
  c.give(with_node(v, c.sketch().add(kind, {v.node}, attributes)));
}

void activation(Call& c, const char* function, float slope = 0.2f) {
  unary(c, "activation", {{"function", function}, {"slope", slope}});
}

void relu(Call& c) { activation(c, "relu"); }
void tanh(Call& c) { activation(c, "tanh"); }
void sigmoid(Call& c) { activation(c, "sigmoid"); }
void leaky_relu(Call& c) { activation(c, "leaky_relu", c.real("alpha", 0.01f)); }
void softplus(Call& c) { unary(c, "softplus", {{"beta", 1.0}, {"threshold", 20.0}}); }
void hard_swish(Call& c) { unary(c, "hard_swish"); }
void square_root(Call& c) { unary(c, "sqrt"); }
// Only what it is a part of has a node: GELU.
void erf(Call& c) { unary(c, "?erf"); }
void gelu(Call& c) { unary(c, "gelu", {{"approximate", c.text("approximate", "none")}}); }

void silu(Call& c) {  // of opset 24
  if (c.real("alpha", 1) != 1) throw Unmapped{"its alpha is not 1", "alpha 1"};
  unary(c, "silu");
}

void same(Call& c) { c.out.push_back(c.in.at(0)); }

void dropout(Call& c) {
  c.trace.note("dropout is left out, as in eval mode: '" + c.node.name + "' stands in the file " +
               "in training mode or as nothing");
  same(c);
}

void quiet_dropout(Call& c) {
  const bool training = c.has(2) && c.is_constant(2) && c.in[2].a->held_size() == 1 &&
                        c.in[2].a->integer(0) != 0;
  if (training || c.has(2)) dropout(c);
  else same(c);
}

void cast(Call& c) {
  const int64_t to = c.integer("to", 1);
  if (to != 1 && to != 10 && to != 11 && to != 16 && !c.in.at(0).grid)
    throw Unmapped{"it makes integers of pixels", "floating-point numbers"};
  same(c);
  if (to == 1 || to == 10 || to == 11 || to == 16) c.out[0].grid.reset();
}

void clip(Call& c) {
  constexpr float kFar = 3.4e38f;
  float lo = c.real("min", -kFar), hi = c.real("max", kFar);
  if (c.has(1)) lo = c.floats(1, "lower bound").at(0);
  if (c.has(2)) hi = c.floats(2, "upper bound").at(0);
  lo = std::clamp(lo, -kFar, kFar);
  hi = std::clamp(hi, -kFar, kFar);
  if (lo == 0 && hi == kFar) return relu(c);
  unary(c, "clip", {{"lo", lo}, {"hi", std::max(lo, hi)}});
}

void bound(Call& c, bool upper) {
  if (c.in.size() != 2 || c.is_constant(0) == c.is_constant(1))
    throw Unmapped{"it compares two computed values", "Relu or Clip"};
  if (c.is_constant(0)) std::swap(c.in[0], c.in[1]);
  const ArrayPtr b = compressed(c.constant(1, "bound"));
  if (b->held_size() != 1) throw Unmapped{"it has a bound per channel", "one bound for all"};
  const float at = b->real(0);
  if (!upper && at == 0) return relu(c);
  unary(c, "clip", {{"lo", upper ? -3.4e38f : at}, {"hi", upper ? at : 3.4e38f}});
}
void least(Call& c) { bound(c, true); }
void most(Call& c) { bound(c, false); }

void hard_sigmoid(Call& c) {
  const View v = c.view(0);
  const int line = affine(c.sketch(), v.node, {c.real("alpha", 0.2f)}, {c.real("beta", 0.5f)});
  c.give(with_node(v, c.sketch().add("clip", {line}, {{"lo", 0.0}, {"hi", 1.0}})));
}

void negative(Call& c) {
  const View v = c.view(0);
  c.give(with_node(v, affine(c.sketch(), v.node, {-1}, {0})));
}

void absolute(Call& c) {
  const View v = c.view(0);
  const Json relu = {{"function", "relu"}, {"slope", 0.2}};
  const int above = c.sketch().add("activation", {v.node}, relu);
  const int below = c.sketch().add("activation", {affine(c.sketch(), v.node, {-1}, {0})}, relu);
  c.give(with_node(v, c.sketch().add("add", {above, below})));
}

int one_over(Sketch& sketch, int node) {
  const int rank = sketch.node(node).a.rank();
  const int one = sketch.add_constant(std::vector<int64_t>(rank - 1, 1), {1.0f});
  return sketch.add("div", {one, node});
}

void reciprocal(Call& c) {
  const View v = c.view(0);
  c.give(with_node(v, one_over(c.sketch(), v.node)));
}

void power(Call& c) {
  const ArrayPtr e = compressed(c.constant(1, "exponent"));
  const float exponent = e->held_size() == 1 ? e->real(0) : 0;
  const View v = c.view(0);
  Sketch& s = c.sketch();
  const auto times = [&](int a, int b) { return s.add("mul", {a, b}); };
  int n = v.node;
  if (exponent == 2) n = times(n, n);
  else if (exponent == 3) n = times(times(n, n), n);
  else if (exponent == 0.5f) n = s.add("sqrt", {n});
  else if (exponent == -0.5f) n = one_over(s, s.add("sqrt", {n}));
  else if (exponent == -1) n = one_over(s, n);
  else if (exponent != 1)
    throw Unmapped{"its exponent is " + std::to_string(exponent), "exponents 2, 3, 0.5, -0.5, -1"};
  c.give(with_node(v, n));
}

void prelu(Call& c) {
  const ArrayPtr slopes = compressed(c.constant(1, "slope"));
  const Call::Placed x = c.placed(0);
  const size_t offset = x.axes.size() - slopes->held.size();
  for (size_t d = 0; d < slopes->held.size(); ++d)
    if (slopes->held[d] != 1 && x.axes[offset + d] != 1)
      throw Unmapped{"its slopes differ within a channel", "one slope for each channel"};
  SketchNode n;
  n.kind = "prelu";
  n.inputs = {x.node};
  n.attributes = {{"slopes", slopes->held_size()}};
  n.parameters = {{"weight", slopes->reals}};
  c.give(c.sketch().add(n), x.axes);
}

void mean_of(Call& c) {  // Sum and Mean of several
  View sum = c.view(0);
  for (size_t i = 1; i < c.in.size(); ++i)
    sum = arithmetic(c.trace, "add", i == 1 ? c.in[0] : Value::of(sum), c.in[i]);
  const float each = 1.0f / static_cast<float>(c.in.size());
  if (c.node.op == "Mean") sum = with_node(sum, affine(c.sketch(), sum.node, {each}, {0}));
  c.give(sum);
}

}  // namespace

const Handlers& elementwise_handlers() {
  static const Handlers table = {{"Add", binary<kAdd>},
                                 {"Sub", binary<kSub>},
                                 {"Mul", binary<kMul>},
                                 {"Div", binary<kDiv>},
                                 {"Sum", mean_of},
                                 {"Mean", mean_of},
                                 {"Relu", relu},
                                 {"Tanh", tanh},
                                 {"Sigmoid", sigmoid},
                                 {"LeakyRelu", leaky_relu},
                                 {"PRelu", prelu},
                                 {"Softplus", softplus},
                                 {"HardSwish", hard_swish},
                                 {"HardSigmoid", hard_sigmoid},
                                 {"Gelu", gelu},
                                 {"Swish", silu},
                                 {"Erf", erf},
                                 {"Clip", clip},
                                 {"Min", least},
                                 {"Max", most},
                                 {"Sqrt", square_root},
                                 {"Pow", power},
                                 {"Reciprocal", reciprocal},
                                 {"Neg", negative},
                                 {"Abs", absolute},
                                 {"Cast", cast},
                                 {"CastLike", same},
                                 {"Identity", same},
                                 {"Dropout", quiet_dropout}};
  return table;
}

}  // namespace gsx::onnx_import
