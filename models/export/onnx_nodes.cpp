// The kinds of nodes but for those with weights, in ONNX.
#include <cmath>
#include <limits>

#include "models/export/layer.h"
#include "models/export/onnx_writer.h"
#include "models/nodes.h"

namespace gsx {

namespace {

using Write = ValueName (*)(OnnxWriter&, const NodeToWrite&);

std::vector<float> numbers(const Json& value) {
  if (value.is_array()) return value.get<std::vector<float>>();
  return {value.get<float>()};
}

[[noreturn]] void refuse(const NodeToWrite& n, const std::string& why) {
  fail("export: node ", n.node().name, " of kind ", n.node().kind(),
       " cannot be written as ONNX: ", why);
}

ValueName write_activation(OnnxWriter& to, const NodeToWrite& n) {
  const Json a = n.node().attributes();
  const std::string function = a.at("function");
  if (function == "none") return to.op("Identity", n.in);
  if (function == "relu") return to.op("Relu", n.in);
  if (function == "tanh") return to.op("Tanh", n.in);
  if (function == "sigmoid") return to.op("Sigmoid", n.in);
  const ValueName y = to.op("LeakyRelu", n.in);
  to.attribute("alpha", a.at("slope").get<float>());
  return y;
}

ValueName write_clip(OnnxWriter& to, const NodeToWrite& n) {
  const Json a = n.node().attributes();
  return to.op("Clip", {n.in[0], to.number(a.at("lo")), to.number(a.at("hi"))});
}

ValueName write_silu(OnnxWriter& to, const NodeToWrite& n) {
  return to.op("Mul", {n.in[0], to.op("Sigmoid", n.in)});
}

ValueName write_hard_swish(OnnxWriter& to, const NodeToWrite& n) {
  return to.op("HardSwish", n.in);
}

ValueName write_gelu(OnnxWriter& to, const NodeToWrite& n) {
  const ValueName& x = n.in[0];
  ValueName inner;
  if (n.node().attributes().at("approximate") == "none") {
    inner = to.op("Erf", {to.op("Mul", {x, to.number(static_cast<float>(std::sqrt(0.5)))})});
  } else {
    const ValueName cube = to.op("Mul", {to.op("Mul", {x, x}), x});
    const ValueName sum = to.op("Add", {x, to.op("Mul", {cube, to.number(0.044715f)})});
    const auto factor = static_cast<float>(std::sqrt(2 / 3.14159265358979323846));
    inner = to.op("Tanh", {to.op("Mul", {sum, to.number(factor)})});
  }
  const ValueName half = to.op("Mul", {x, to.number(0.5f)});
  return to.op("Mul", {half, to.op("Add", {inner, to.number(1)})});
}

ValueName write_softplus(OnnxWriter& to, const NodeToWrite& n) {
  const float beta = n.node().attributes().at("beta");
  if (beta == 1) return to.op("Softplus", n.in);
  const ValueName y = to.op("Softplus", {to.op("Mul", {n.in[0], to.number(beta)})});
  return to.op("Div", {y, to.number(beta)});
}

ValueName write_prelu(OnnxWriter& to, const NodeToWrite& n) {
  return to.op("PRelu", {n.in[0], to.per_channel(parameter_values(n.node(), Role::slope),
                                                 n.shapes[0].rank(), "slope")});
}

ValueName write_sqrt(OnnxWriter& to, const NodeToWrite& n) { return to.op("Sqrt", n.in); }

ValueName write_affine(OnnxWriter& to, const NodeToWrite& n) {
  const Json a = n.node().attributes();
  const std::vector<float> scale = numbers(a.at("scale")), shift = numbers(a.at("shift"));
  const auto constant = [&](const std::vector<float>& values, const char* suffix) {
    return values.size() == 1 ? to.number(values[0])
                              : to.per_channel(values, n.shapes[0].rank(), suffix);
  };
  const ValueName scaled = to.op("Mul", {n.in[0], constant(scale, "scale")});
  return to.op("Add", {scaled, constant(shift, "shift")});
}

ValueName write_arithmetic(OnnxWriter& to, const NodeToWrite& n) {
  const std::string_view kind = n.node().kind();
  return to.op(kind == "sub" ? "Sub" : kind == "mul" ? "Mul" : kind == "div" ? "Div" : "Add", n.in);
}

ValueName write_constant(OnnxWriter& to, const NodeToWrite& n) {
  const Node& node = n.node();
  const Parameter* p = node.parameter(Role::constant);
  if (p == nullptr) p = node.parameter(Role::variable);
  std::vector<int64_t> shape = {1};
  shape.insert(shape.end(), p->shape.begin(), p->shape.end());
  return to.floats(p->value.to_vector(), shape, "value");
}

ValueName mean_of(OnnxWriter& to, const ValueName& x, std::span<const int64_t> axes) {
  if (to.options.opset >= 18) return to.op("ReduceMean", {x, to.integers(axes)});
  const ValueName y = to.op("ReduceMean", {x});
  to.attribute("axes", axes);
  return y;
}

// Over groups of channels, by a variance that divides by one less than there are elements, which no
// ONNX norm has: its parts, with the number of elements found while it runs.
ValueName write_unbiased_norm(OnnxWriter& to, const NodeToWrite& n, int64_t groups) {
  const int64_t apart[] = {0, groups, -1}, last[] = {2};
  const ValueName flat = to.op("Reshape", {n.in[0], to.integers(apart)});
  const ValueName d = to.op("Sub", {flat, mean_of(to, flat, last)});
  const ValueName biased = mean_of(to, to.op("Mul", {d, d}), last);
  const ValueName elements =
      to.op("Cast", {to.op("Gather", {to.op("Shape", {flat}), to.integers(last)})});
  to.attribute("to", int64_t{onnx::TensorProto::FLOAT});
  const ValueName sum = to.op("Mul", {biased, elements});
  const ValueName variance = to.op("Div", {sum, to.op("Sub", {elements, to.number(1)})});
  const float eps = n.node().attributes().at("eps").get<float>();
  const ValueName root = to.op("Sqrt", {to.op("Add", {variance, to.number(eps)})});
  ValueName y = to.op("Reshape", {to.op("Div", {d, root}), to.op("Shape", {n.in[0]})});
  const std::vector<float> gamma = parameter_values(n.node(), Role::gamma);
  if (gamma.empty()) return y;
  y = to.op("Mul", {y, to.per_channel(gamma, n.shapes[0].rank(), "weight")});
  return to.op("Add", {y, to.per_channel(parameter_values(n.node(), Role::beta), n.shapes[0].rank(),
                                         "bias")});
}

bool is_unbiased(const NodeToWrite& n) { return n.node().attributes().contains("unbiased"); }

ValueName write_instance_norm(OnnxWriter& to, const NodeToWrite& n) {
  const int64_t channels = n.shapes[0][1];
  if (is_unbiased(n)) return write_unbiased_norm(to, n, channels);
  std::vector<float> gamma = parameter_values(n.node(), Role::gamma),
                     beta = parameter_values(n.node(), Role::beta);
  if (gamma.empty()) gamma.assign(static_cast<size_t>(channels), 1);
  if (beta.empty()) beta.assign(static_cast<size_t>(channels), 0);
  const int64_t shape[] = {channels};
  const ValueName y = to.op("InstanceNormalization", {n.in[0], to.floats(gamma, shape, "weight"),
                                                      to.floats(beta, shape, "bias")});
  to.attribute("epsilon", n.node().attributes().at("eps").get<float>());
  return y;
}

ValueName write_batch_norm(OnnxWriter& to, const NodeToWrite& n) {
  const Node& node = n.node();
  std::vector<float> gamma = parameter_values(node, Role::gamma),
                     beta = parameter_values(node, Role::beta);
  const std::vector<float> mean = parameter_values(node, Role::running_mean);
  const std::vector<float> var = parameter_values(node, Role::running_var);
  if (gamma.empty()) gamma.assign(mean.size(), 1);
  if (beta.empty()) beta.assign(mean.size(), 0);
  const int64_t shape[] = {static_cast<int64_t>(mean.size())};
  const ValueName y =
      to.op("BatchNormalization",
            {n.in[0], to.floats(gamma, shape, "weight"), to.floats(beta, shape, "bias"),
             to.floats(mean, shape, "running_mean"), to.floats(var, shape, "running_var")});
  to.attribute("epsilon", node.attributes().at("eps").get<float>());
  return y;
}

// By instance norms over what belongs to one group: opsets before 21 have none of their own.
ValueName write_group_norm(OnnxWriter& to, const NodeToWrite& n) {
  const Json a = n.node().attributes();
  if (a.contains("kept"))
    refuse(n, "its groups have lost channels, whose share in the statistics no ONNX norm can hold");
  const int64_t groups = a.at("groups");
  if (is_unbiased(n)) return write_unbiased_norm(to, n, groups);
  const std::vector<float> ones(static_cast<size_t>(groups), 1), zeros(ones.size(), 0);
  const int64_t apart[] = {0, groups, -1}, shape[] = {groups};
  const ValueName flat = to.op("Reshape", {n.in[0], to.integers(apart)});
  ValueName y = to.op("InstanceNormalization",
                      {flat, to.floats(ones, shape, "ones"), to.floats(zeros, shape, "zeros")});
  to.attribute("epsilon", a.at("eps").get<float>());
  y = to.op("Reshape", {y, to.op("Shape", {n.in[0]})});
  const std::vector<float> gamma = parameter_values(n.node(), Role::gamma);
  if (gamma.empty()) return y;
  y = to.op("Mul", {y, to.per_channel(gamma, n.shapes[0].rank(), "weight")});
  return to.op("Add", {y, to.per_channel(parameter_values(n.node(), Role::beta), n.shapes[0].rank(),
                                         "bias")});
}

ValueName write_pool(OnnxWriter& to, const NodeToWrite& n) {
  const Json a = n.node().attributes();
  const bool mean = n.node().kind() == "avg_pool";
  const ValueName y = to.op(mean ? "AveragePool" : "MaxPool", n.in);
  const int64_t size = a.at("size"), stride = a.at("stride"), pad = a.at("pad");
  const int64_t sizes[] = {size, size}, strides[] = {stride, stride}, pads[] = {pad, pad, pad, pad};
  to.attribute("kernel_shape", sizes);
  to.attribute("strides", strides);
  to.attribute("pads", pads);
  to.attribute("ceil_mode", int64_t{a.at("ceil_mode").get<bool>()});
  if (mean) to.attribute("count_include_pad", int64_t{a.at("count_include_pad").get<bool>()});
  return y;
}

ValueName write_global_pool(OnnxWriter& to, const NodeToWrite& n) {
  return to.op(n.node().kind() == "global_avg_pool" ? "GlobalAveragePool" : "GlobalMaxPool", n.in);
}

ValueName write_reduce_mean(OnnxWriter& to, const NodeToWrite& n) {
  const auto axes = n.node().attributes().at("axes").get<std::vector<int64_t>>();
  return mean_of(to, n.in[0], axes);
}

ValueName write_softmax(OnnxWriter& to, const NodeToWrite& n) {
  const ValueName y = to.op("Softmax", n.in);
  to.attribute("axis", int64_t{n.shapes[0].rank() == 3 ? 2 : 1});
  return y;
}

ValueName write_matmul(OnnxWriter& to, const NodeToWrite& n) {
  ValueName b = n.in[1];
  if (n.node().attributes().at("b_transposed").get<bool>()) {
    const int64_t order[] = {0, 2, 1};
    b = to.op("Transpose", {b});
    to.attribute("perm", order);
  }
  return to.op("MatMul", {n.in[0], b});
}

ValueName write_round_to_grid(OnnxWriter& to, const NodeToWrite& n) {
  const Json a = n.node().attributes();
  const ValueName step = to.number(a.at("step"));
  const ValueName level = to.op("Round", {to.op("Div", {n.in[0], step})});
  const ValueName inside = to.op(
      "Clip", {level, to.number(a.at("lo").get<float>()), to.number(a.at("hi").get<float>())});
  return to.op("Mul", {inside, step});
}

constexpr std::pair<const char*, Write> kWriters[] = {
    {"activation", write_activation},
    {"add", write_arithmetic},
    {"affine", write_affine},
    {"avg_pool", write_pool},
    {"batch_norm", write_batch_norm},
    {"clip", write_clip},
    {"constant", write_constant},
    {"conv", write_onnx_convolution},
    {"conv_transpose", write_onnx_convolution},
    {"div", write_arithmetic},
    {"gelu", write_gelu},
    {"global_avg_pool", write_global_pool},
    {"global_max_pool", write_global_pool},
    {"group_norm", write_group_norm},
    {"hard_swish", write_hard_swish},
    {"instance_norm", write_instance_norm},
    {"linear", write_onnx_linear},
    {"matmul", write_matmul},
    {"max_pool", write_pool},
    {"mul", write_arithmetic},
    {"prelu", write_prelu},
    {"reduce_mean", write_reduce_mean},
    {"round_to_grid", write_round_to_grid},
    {"silu", write_silu},
    {"softmax", write_softmax},
    {"softplus", write_softplus},
    {"sqrt", write_sqrt},
    {"sub", write_arithmetic},
};

}  // namespace

OnnxZeroPoint onnx_zero_point(const QuantRange& range) {
  if (range.lo >= 0) return {};
  if (range.lo >= -128 && range.hi <= 127) return {true, 0};
  return {false, static_cast<uint8_t>(-range.lo)};
}

OnnxQuantized write_onnx_quantizer(OnnxWriter& to, const ValueName& x, const QuantRange& range) {
  const bool fits = range.hi - range.lo <= 255;
  const ValueName step = to.number(range.scale);
  if (!fits) {  // grids of the paper have 257 levels
    const ValueName level = to.op("Round", {to.op("Div", {x, step})});
    const ValueName inside = to.op("Clip", {level, to.number(static_cast<float>(range.lo)),
                                            to.number(static_cast<float>(range.hi))});
    return {"", to.op("Mul", {inside, step})};
  }
  // Bytes saturate at 256 levels; of a signed one's the lowest is not used.
  const ValueName inside =
      range.hi - range.lo < 255
          ? to.op("Clip", {x, to.number(range.clamp_lo), to.number(range.clamp_hi)})
          : x;
  const OnnxZeroPoint zero = onnx_zero_point(range);
  const ValueName zero_point = to.bytes({&zero.value, 1}, zero.is_signed, {}, "zero_point");
  const ValueName quantized = to.op("QuantizeLinear", {inside, step, zero_point});
  return {quantized, to.op("DequantizeLinear", {quantized, step, zero_point})};
}

ValueName write_onnx_node(OnnxWriter& to, const NodeToWrite& n) {
  for (const auto& [kind, write] : kWriters)
    if (n.node().kind() == kind) return write(to, n);
  if (const ValueName moved = write_onnx_move(to, n); !moved.empty()) return moved;
  refuse(n, "there is no way to say it");
}

}  // namespace gsx
