// Quantised ONNX graphs; see onnx_trace.h. Values between QuantizeLinear and DequantizeLinear are
// followed as the real numbers that they stand for, on their grid and within its bounds: a ReLU
// that vanished into a zero point stays, because the bounds are kept.
#include <algorithm>
#include <cmath>
#include <set>

#include "models/import/onnx_fold.h"
#include "models/import/onnx_trace.h"

namespace gsx::onnx_import {

int64_t zero_of(Call& c, size_t i) {
  if (!c.has(i)) return 0;
  const ArrayPtr z = compressed(c.constant(i, "zero point"));
  if (z->held_size() != 1) throw Unmapped{"it has zero points per channel", "one zero point"};
  const int64_t zero = z->integer(0);
  GSX_CHECK(std::abs(zero) <= 65'536, "its zero point is ", zero);
  return zero;
}

namespace {

// The integers that a zero point's type can hold are not in our arrays: both are told from how the
// file says it.
struct Range {
  int64_t lo = 0, hi = 255;
};

Range range_of(Call& c, size_t zero) {
  const int64_t type = c.integer("output_dtype", 0);
  const std::string& name = zero < c.node.inputs.size() ? c.node.inputs[zero] : "";
  const auto found = c.trace.model.integer_types.find(name);
  const int64_t of = found != c.trace.model.integer_types.end() ? found->second : type;
  if (c.has(zero) && type == 0 && found == c.trace.model.integer_types.end())
    throw Unmapped{"the type of its zero point is not to be seen",
                   "a zero point that is a constant"};
  switch (of) {
    case 3: return {-128, 127};
    case 4: return {0, 65535};
    case 5: return {-32768, 32767};
    case 21: return {0, 15};
    case 22: return {-8, 7};
    case 0:
    case 2: return {0, 255};
    default: break;
  }
  throw Unmapped{"it quantises to ONNX's type " + std::to_string(of), "8 or 16-bit integers"};
}

float scale_of(Call& c, size_t i) {
  const ArrayPtr s = compressed(c.constant(i, "scale"));
  if (s->held_size() != 1) throw Unmapped{"it has scales per channel", "one scale for activations"};
  GSX_CHECK(s->real(0) > 0 && std::isfinite(s->real(0)), "its scale is ", s->real(0));
  return s->real(0);
}

// A node that puts node n's values on a grid: of bytes, where that has no more steps and 0 is one.
int on_grid(Call& c, int n, float step, int64_t lo, int64_t hi) {
  const bool bytes = hi - lo <= 255 && lo <= 0 && hi >= 0;
  return c.sketch().add(bytes ? "quantize" : "round_to_grid", {n},
                        {{"step", step}, {"lo", lo}, {"hi", hi}});
}

// Real values on the grid of inputs `scale` and `scale + 1`, within their type's bounds.
Value rounded(Call& c, const View& v, size_t scale) {
  const float step = scale_of(c, scale);
  const int64_t zero = zero_of(c, scale + 1);
  const Range r = range_of(c, scale + 1);
  Value y = Value::of(with_node(v, on_grid(c, v.node, step, r.lo - zero, r.hi - zero)));
  y.grid = Grid{step, zero, r.lo, r.hi};
  return y;
}

// (integer - zero) * scale of a value on a grid.
Value real_of(Call& c, size_t i) {
  const float step = scale_of(c, i + 1);
  const int64_t zero = zero_of(c, i + 2);
  if (c.is_constant(i)) {
    OnnxNode n{"", "DequantizeLinear", {}, {}, {}};
    return Value::of(fold(n, {c.constant(i, "value"), c.constant(i + 1, "scale"),
                              c.has(i + 2) ? c.constant(i + 2, "zero point") : nullptr})[0]);
  }
  const View v = c.view(i);
  if (!c.in[i].grid) throw Unmapped{"its input is not quantised", "QuantizeLinear before it"};
  const Grid g = *c.in[i].grid;
  if (g.scale == step && g.zero == zero) return Value::of(v);
  // Real x stands for x / g.scale + g.zero.
  const float shift = static_cast<float>(g.zero - zero) * step;
  return Value::of(with_node(v, affine(c.sketch(), v.node, {step / g.scale}, {shift})));
}

// Weights of training that knew of quantising: in real numbers in the file.
void quantize_constant(Call& c) {
  const ArrayPtr x = dense(c.constant(0, "value")), step = dense(c.constant(1, "scale"));
  const ArrayPtr zero = c.has(2) ? dense(c.constant(2, "zero point")) : nullptr;
  const Range r = range_of(c, 2);
  check_scales(*step, zero.get());
  int64_t inner = 1;
  if (step->size() > 1) {
    const int64_t axis = axis_of(c.integer("axis", 1), x->dims.size());
    GSX_CHECK(x->dims[axis] == step->size(), "its ", step->size(), " scales fit no axis");
    for (size_t d = axis + 1; d < x->dims.size(); ++d) inner *= x->dims[d];
  }
  Array y = make_array(Type::integer, x->dims);
  for (int64_t i = 0; i < y.size(); ++i) {
    const int64_t k = step->size() > 1 ? i / inner % step->size() : 0;
    const float at = std::nearbyint(x->real(i) / step->real(k));
    GSX_CHECK(!std::isnan(at), "it quantises ", x->real(i), " by a scale of ", step->real(k));
    const int64_t base = zero ? zero->integer(zero->size() > 1 ? k : 0) : 0;
    const float lo = static_cast<float>(r.lo - base), hi = static_cast<float>(r.hi - base);
    y.integers[i] = static_cast<int64_t>(std::clamp(at, lo, hi)) + base;
  }
  c.out.push_back(Value::of(std::make_shared<Array>(std::move(y))));
}

void quantize_linear(Call& c) {
  if (c.is_constant(0)) quantize_constant(c);
  else c.out.push_back(rounded(c, c.view(0), 1));
}

void dequantize_linear(Call& c) { c.out.push_back(real_of(c, 0)); }

// A call of a float operation on these inputs.
View of_floats(Call& c, const char* op, std::vector<Value> in, Handler handler) {
  OnnxNode n = c.node;
  n.op = op;
  n.inputs.clear();
  Call inner(c.trace, n);
  inner.in = std::move(in);
  handler(inner);
  return inner.out.at(0).view;
}

ArrayPtr weights_of(Call& c, size_t i) {
  OnnxNode n{"", "DequantizeLinear", {}, {}, {}};
  n.attributes["axis"].integers = {0};
  return fold(
      n, {c.constant(i, "weight"), c.constant(i + 1, "scale"), c.constant(i + 2, "zero point")})[0];
}

// The bias of sums whose steps are those of input 1 and of input 4, which is one number or one for
// each.
Value bias_of(Call& c, size_t i) {
  const ArrayPtr bias = dense(c.constant(i, "bias")), scale = dense(c.constant(4, "scale"));
  if (scale->size() != 1 && scale->size() != bias->size())
    throw Unmapped{"it has " + std::to_string(scale->size()) + " steps of weights and " +
                       std::to_string(bias->size()) + " biases",
                   "as many"};
  const float x = scale_of(c, 1);
  Array real = make_array(Type::real, bias->dims);
  for (int64_t k = 0; k < real.size(); ++k)
    real.reals[k] =
        static_cast<float>(bias->integer(k)) * x * scale->real(scale->size() == 1 ? 0 : k);
  return Value::of(std::make_shared<Array>(std::move(real)));
}

void qlinear_conv(Call& c) {
  std::vector<Value> in = {real_of(c, 0), Value::of(weights_of(c, 3))};
  if (c.has(8)) in.push_back(bias_of(c, 8));
  const View y = of_floats(c, "Conv", std::move(in), layer_handlers().at("Conv"));
  c.out.push_back(rounded(c, y, 6));
}

void qlinear_matmul(Call& c) {
  if (!c.is_constant(3)) throw Unmapped{"it multiplies two computed values", "a constant matrix"};
  OnnxNode n{"", "DequantizeLinear", {}, {}, {}};
  n.attributes["axis"].integers = {1};
  const ArrayPtr matrix =
      fold(n, {c.constant(3, "matrix"), c.constant(4, "scale"), c.constant(5, "zero point")})[0];
  const View y =
      of_floats(c, "MatMul", {real_of(c, 0), Value::of(matrix)}, layer_handlers().at("MatMul"));
  c.out.push_back(rounded(c, y, 6));
}

void qgemm(Call& c) {  // a, its scale and zero point; b's; the bias in sums; the result's, or reals
  if (!c.is_constant(3)) throw Unmapped{"it multiplies two computed values", "a constant matrix"};
  OnnxNode n{"", "DequantizeLinear", {}, {}, {}};
  n.attributes["axis"].integers = {c.integer("transB", 0) != 0 ? 0 : 1};
  std::vector<Value> in = {real_of(c, 0),
                           Value::of(fold(n, {c.constant(3, "matrix"), c.constant(4, "scale"),
                                              c.constant(5, "zero point")})[0])};
  if (c.has(6)) in.push_back(bias_of(c, 6));
  const View y = of_floats(c, "Gemm", std::move(in), layer_handlers().at("Gemm"));
  c.out.push_back(c.has(7) ? rounded(c, y, 7) : Value::of(y));
}

void qlinear_binary(Call& c, const char* op) {
  const View y = arithmetic(c.trace, op, real_of(c, 0), real_of(c, 3));
  c.out.push_back(rounded(c, y, 6));
}
void qlinear_add(Call& c) { qlinear_binary(c, "add"); }
void qlinear_mul(Call& c) { qlinear_binary(c, "mul"); }

void qlinear_unary(Call& c, const char* op) {
  const View y = of_floats(c, op, {real_of(c, 0)}, elementwise_handlers().at(op));
  c.out.push_back(rounded(c, y, 3));
}
void qlinear_leaky_relu(Call& c) { qlinear_unary(c, "LeakyRelu"); }
void qlinear_sigmoid(Call& c) { qlinear_unary(c, "Sigmoid"); }

void qlinear_average(Call& c) {
  const View y = of_floats(c, "GlobalAveragePool", {real_of(c, 0)},
                           resampling_handlers().at("GlobalAveragePool"));
  c.out.push_back(rounded(c, y, 3));
}

void qlinear_concat(Call& c) {  // scale and zero point of the result, then threes
  std::vector<Value> in;
  for (size_t i = 2; i + 2 < c.in.size(); i += 3) in.push_back(real_of(c, i));
  const View y = of_floats(c, "Concat", std::move(in), moving_handlers().at("Concat"));
  c.out.push_back(rounded(c, y, 0));
}

// What lies between two integers is cut down to the lower one, as ONNX Runtime does: half a step
// less, but for less than the sixteenths that doubling both sides makes. Signed integers, which it
// cuts towards zero, are rounded.
void cut_to_grid(Call& c, View& v, const Grid& g) {
  constexpr float kDown = -0.5f + 1.0f / 64;
  int n = v.node;
  if (g.lo == 0) n = affine(c.sketch(), n, {1}, {kDown * g.scale});
  v = with_node(v, on_grid(c, n, g.scale, g.lo - g.zero, g.hi - g.zero));
}

}  // namespace

bool take_on_grid(Call& c, Handler handler) {
  static const std::set<std::string> kMoving = {
      "Pad",      "Resize",  "Upsample", "MaxPool",      "Transpose", "Reshape",
      "Flatten",  "Squeeze", "Slice",    "DepthToSpace", "Unsqueeze", "SpaceToDepth",
      "Identity", "Expand",  "Tile",     "Split"};
  if (!kMoving.count(c.node.op) || c.in.empty() || c.in[0].kind != Value::Kind::computed ||
      !c.in[0].grid)
    return false;
  const Grid grid = *c.in[0].grid;
  if (c.node.op == "Pad" && c.text("mode", "constant") == "constant") {
    const ArrayPtr value = c.has(2) ? c.constant(2, "value") : nullptr;
    GSX_CHECK(!value || value->held_size() == 1, "its value is not one number");
    const int64_t border = value ? value->integer(0) : 0;
    Array real = make_array(Type::real, {});
    real.reals = {static_cast<float>(border - grid.zero) * grid.scale};
    c.in.resize(std::max<size_t>(c.in.size(), 3));
    c.in[2] = Value::of(std::make_shared<Array>(std::move(real)));
  }
  handler(c);
  const bool blends = c.text("mode", "nearest") == "linear";
  for (Value& v : c.out) {
    if (v.kind != Value::Kind::computed) continue;
    if (blends && grid.hi > grid.lo) cut_to_grid(c, v.view, grid);
    v.grid = grid;
  }
  return true;
}

const Handlers& quantised_handlers() {
  static const Handlers table = {{"QuantizeLinear", quantize_linear},
                                 {"DequantizeLinear", dequantize_linear},
                                 {"QLinearConv", qlinear_conv},
                                 {"QLinearMatMul", qlinear_matmul},
                                 {"com.microsoft:QGemm", qgemm},
                                 {"com.microsoft:QLinearAdd", qlinear_add},
                                 {"com.microsoft:QLinearMul", qlinear_mul},
                                 {"com.microsoft:QLinearLeakyRelu", qlinear_leaky_relu},
                                 {"com.microsoft:QLinearSigmoid", qlinear_sigmoid},
                                 {"com.microsoft:QLinearGlobalAveragePool", qlinear_average},
                                 {"com.microsoft:QLinearConcat", qlinear_concat}};
  return table;
}

}  // namespace gsx::onnx_import
