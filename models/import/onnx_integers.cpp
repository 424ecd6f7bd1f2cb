// Integer operators of ONNX graphs: ConvInteger and MatMulInteger, whose result is sums of integers
// alone, and scales that a graph finds in each image; see onnx_trace.h.
#include <cmath>

#include "models/import/onnx_fold.h"
#include "models/import/onnx_trace.h"

namespace gsx::onnx_import {

namespace {

// Integer weights less their zero point, as reals with a step of 1.
Value integer_weights(Call& c) {
  OnnxNode n{"", "DequantizeLinear", {}, {}, {}};
  Array one = make_array(Type::real, {});
  one.reals = {1};
  const int64_t zero = zero_of(c, 3);
  return Value::of(fold(
      n, {c.constant(1, "weight"), std::make_shared<Array>(std::move(one)), integers({zero})})[0]);
}

// Whether it is the zero point that was found with a scale.
bool is_zero_of(const Value& v, int dynamic) { return v.dynamic == dynamic && v.power == 0; }

// Sums of (x - zero) * (w - zero): the layer's, before any scale.
void sums(Call& c, const char* op) {
  c.view(0);  // says where there is none
  const Value& given = c.in.at(0);
  if (given.dynamic != 0 && (!c.has(2) || !is_zero_of(c.in[2], given.dynamic)))
    throw Unmapped{"its zero point is not that of its input", "that of DynamicQuantizeLinear"};
  if (given.dynamic == 0) {
    if (!given.grid) throw Unmapped{"its input is not quantised", "QuantizeLinear before it"};
    if (zero_of(c, 2) != given.grid->zero)
      throw Unmapped{"its zero point is not that of its input", "one zero point"};
  }
  OnnxNode n = c.node;
  n.op = op;
  n.inputs.clear();
  Call inner(c.trace, n);
  inner.in = {Value::of(c.view(0)), integer_weights(c)};
  layer_handlers().at(op)(inner);
  Value y = Value::of(inner.out.at(0).view);
  if (given.dynamic == 0) c.sketch().node(y.view.node).sums = true;
  y.grid = Grid{};
  c.out.push_back(std::move(y));
}

void conv_integer(Call& c) { sums(c, "Conv"); }
void matmul_integer(Call& c) { sums(c, "MatMul"); }

// The result is x over a number S that each image has of its own; the second is S.
void dynamic_quantize(Call& c) {
  const int id = c.trace.new_dynamic();
  Value y = Value::of(c.view(0));
  Array one = make_array(Type::real, {}), none = make_array(Type::integer, {});
  one.reals = {1};
  none.integers = {0};
  Value scale = Value::of(std::make_shared<Array>(std::move(one)));
  Value zero = Value::of(std::make_shared<Array>(std::move(none)));
  y.dynamic = scale.dynamic = zero.dynamic = id;
  y.power = -1;
  y.shifted = true;
  scale.power = 1;
  c.out = {std::move(y), std::move(scale), std::move(zero)};
  c.trace.note(
      "a file that finds the range of its activations in each image: these are read in real "
      "numbers, "
      "not rounded");
}

}  // namespace

const Handlers& integer_handlers() {
  static const Handlers table = {{"ConvInteger", conv_integer},
                                 {"MatMulInteger", matmul_integer},
                                 {"DynamicQuantizeLinear", dynamic_quantize}};
  return table;
}

bool is_dynamic(const Call& c) {
  for (const Value& v : c.in)
    if (v.dynamic != 0) return true;
  return false;
}

// What a value is over, or times, goes along; where both meet, it is gone.
void take_dynamic(Call& c, Handler handler, const std::function<bool()>& folded) {
  const std::string& op = c.node.op;
  int id = 0, power = 0;
  bool shifted = false;
  for (const Value& v : c.in) {
    if (v.dynamic != 0 && id != 0 && v.dynamic != id)
      throw Unmapped{"it joins values of two scales that each image has of its own", "one such"};
    if (v.dynamic != 0) id = v.dynamic;
    power += v.power;
    shifted = shifted || v.shifted;
  }
  if (op == "DequantizeLinear") {
    if (power != 0 || c.in.size() < 3 || c.is_constant(0) || !is_zero_of(c.in[2], id))
      throw Unmapped{"its scale is not that of its input", "QuantizeLinear before it"};
    return c.give(c.view(0));
  }
  const bool lies = op == "Identity" || op == "Reshape" || op == "Squeeze" || op == "Unsqueeze";
  const bool subtracts = op == "ConvInteger" || op == "MatMulInteger";
  const bool along = lies || subtracts || op == "Cast" || op == "Mul";
  if (!along || std::abs(power) > 1 || (shifted && !lies && !subtracts))
    throw Unmapped{"it reads values over a scale that each image has of its own",
                   "ConvInteger or MatMulInteger, Cast and Mul"};
  if (!folded()) handler(c);
  if (power == 0 && !lies) return;
  for (Value& v : c.out) {
    v.dynamic = id;
    v.power = power;
    v.shifted = shifted && lies;
  }
}

}  // namespace gsx::onnx_import
