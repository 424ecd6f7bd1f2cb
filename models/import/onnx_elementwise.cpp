// Elementwise operations of ONNX graphs; see onnx_trace.h.
#include <algorithm>
#include <cmath>

#include "models/import/onnx_trace.h"

namespace gsx::onnx_import {

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
  const bool training =
      c.has(2) && c.is_constant(2) && c.in[2].a->held_size() == 1 && c.in[2].a->integer(0) != 0;
  if (training || c.has(2)) dropout(c);
  else same(c);
}

void cast(Call& c) {
  const int64_t to = c.integer("to", 1);
  if (to != 1 && to != 10 && to != 11 && to != 16 && !c.in.at(0).grid)
    throw Unmapped{"it makes integers of pixels", "floating-point numbers"};
  same(c);
  if (to != 1 && to != 10 && to != 11 && to != 16) return;
  const Grid g = c.out[0].grid.value_or(Grid{});
  if (g.scale != 1 || g.zero != 0) {  // the integers themselves
    View& v = c.out[0].view;
    v = with_node(v, affine(c.sketch(), v.node, {1 / g.scale}, {static_cast<float>(g.zero)}));
  }
  c.out[0].grid.reset();
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

void sum_of_all(Call& c) {  // Sum and Mean of several
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
                                 {"Sum", sum_of_all},
                                 {"Mean", sum_of_all},
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
