// The kinds of nodes but for those with weights, in PyTorch.
#include <charconv>

#include "models/export/layer.h"
#include "models/export/torch_code.h"
#include "models/nodes.h"

namespace gsx::torch_export {

namespace {

using Say = NodeCode (*)(const NodeToCode&);

std::string said(const Json& value) {
  return value.is_number_integer() ? python(value.get<int64_t>())
                                   : python(static_cast<double>(value.get<float>()));
}

NodeCode expression(std::string text, bool atomic = true) {
  NodeCode code;
  code.expression = std::move(text);
  code.atomic = atomic;
  return code;
}

// One step that is a module without values, and how a forward() says it.
NodeCode step(const char* type, std::vector<Argument> arguments, std::string text) {
  NodeCode code;
  code.steps.push_back({{type, std::move(arguments)}, std::move(text), false});
  return code;
}

// One that is a module wherever it stands.
NodeCode module(const char* type, std::vector<Argument> arguments) {
  NodeCode code;
  code.steps.push_back({{type, std::move(arguments)}, "", true});
  return code;
}

NodeCode say_activation(const NodeToCode& n) {
  const Json a = n.node.attributes();
  const std::string function = a.at("function");
  if (function == "none") return step("nn.Identity", {}, "$0");
  if (function == "relu") return step("nn.ReLU", {}, "F.relu($0)");
  if (function == "tanh") return step("nn.Tanh", {}, "torch.tanh($0)");
  if (function == "sigmoid") return step("nn.Sigmoid", {}, "torch.sigmoid($0)");
  const std::string slope = said(a.at("slope"));
  return step("nn.LeakyReLU", {{"", slope, ""}}, "F.leaky_relu($0, " + slope + ")");
}

NodeCode say_arithmetic(const NodeToCode& n) {
  const std::string_view kind = n.node.kind();
  const char* sign = kind == "sub" ? "-" : kind == "mul" ? "*" : kind == "div" ? "/" : "+";
  return expression(std::string("%0 ") + sign + " %1", false);
}

NodeCode say_affine(const NodeToCode& n) {
  const Json a = n.node.attributes();
  const Json &scale = a.at("scale"), &shift = a.at("shift");
  const auto first = [](const Json& list) { return list.is_array() ? list[0] : list; };
  if (!scale.is_array() || scale.size() == 1) {
    const auto by = first(scale).get<float>(), plus = first(shift).get<float>();
    std::string text = "%0";
    if (by != 1) text += " * " + python(static_cast<double>(by));
    if (plus != 0) text += (plus < 0 ? " - " : " + ") + python(std::abs(static_cast<double>(plus)));
    return expression(text, text == "%0");
  }
  n.helpers.insert("Affine");
  return module("Affine", {{"", scale.dump(), ""}, {"", shift.dump(), ""}});
}

NodeCode say_clip(const NodeToCode& n) {
  const Json a = n.node.attributes();
  const std::string lo = said(a.at("lo")), hi = said(a.at("hi"));
  return step("nn.Hardtanh", {{"", lo, ""}, {"", hi, ""}}, "%0.clamp(" + lo + ", " + hi + ")");
}

NodeCode say_gelu(const NodeToCode& n) {
  if (n.node.attributes().at("approximate") == "none") return step("nn.GELU", {}, "F.gelu($0)");
  return step("nn.GELU", {{"approximate", "\"tanh\"", ""}}, "F.gelu($0, approximate=\"tanh\")");
}

NodeCode say_softplus(const NodeToCode& n) {
  const Json a = n.node.attributes();
  const std::string beta = said(a.at("beta")), threshold = said(a.at("threshold"));
  return step("nn.Softplus", {{"", beta, ""}, {"", threshold, ""}},
              "F.softplus($0, " + beta + ", " + threshold + ")");
}

NodeCode say_prelu(const NodeToCode& n) {
  const int64_t slopes = n.node.attributes().at("slopes");
  NodeCode code = module("nn.PReLU", {{"", python(slopes), slopes > 1 ? "channels" : ""}});
  code.tensors.push_back({"weight", {slopes}, parameter_values(n.node, Role::slope)});
  return code;
}

NodeCode say_constant(const NodeToCode& n) {
  const Parameter* p = n.node.parameter(Role::constant);
  const bool trained = p == nullptr;
  if (trained) p = n.node.parameter(Role::variable);
  std::vector<int64_t> shape = {1};
  shape.insert(shape.end(), p->shape.begin(), p->shape.end());
  NodeCode code;
  for (const int64_t d : shape)
    code.parameter.arguments.push_back({"", python(d), d > 1 ? "channels" : ""});
  code.parameter.type = trained ? "nn.Parameter" : "buffer";
  code.tensors.push_back({"", shape, p->value.to_vector()});
  return code;
}

void add_affine(NodeCode& code, const Node& node) {
  const std::vector<float> gamma = parameter_values(node, Role::gamma);
  if (gamma.empty()) return;
  const auto n = static_cast<int64_t>(gamma.size());
  code.tensors.push_back({"weight", {n}, gamma});
  code.tensors.push_back({"bias", {n}, parameter_values(node, Role::beta)});
}

// Norms over groups of channels that torch.nn has not: an unbiased variance, channels that were
// removed and still count.
NodeCode counted_norm(const NodeToCode& n, int64_t groups) {
  const Json a = n.node.attributes();
  n.helpers.insert("CountedGroupNorm");
  const bool affine = n.node.parameter(Role::gamma) != nullptr;
  NodeCode code = module("CountedGroupNorm", {{"", python(groups), "groups"},
                                              {"", python(n.shapes[0][1]), "channels"},
                                              {"eps", said(a.at("eps")), ""}});
  Call& call = code.steps[0].module;
  if (!affine) call.arguments.push_back({"affine", "False", ""});
  if (a.contains("unbiased")) call.arguments.push_back({"unbiased", "True", ""});
  if (a.contains("kept")) {
    // Tensors of the file, so that nobody takes it for one of a network without them.
    call.arguments.push_back({"kept", a.at("kept").dump(), ""});
    for (const char* key : {"count", "lost_mean", "lost_squares"})
      code.tensors.push_back({key, {groups}, a.at(key).get<std::vector<float>>()});
  }
  add_affine(code, n.node);
  return code;
}

NodeCode say_instance_norm(const NodeToCode& n) {
  const Json a = n.node.attributes();
  const int64_t channels = n.shapes[0][1];
  if (a.contains("unbiased")) return counted_norm(n, channels);
  const bool affine = n.node.parameter(Role::gamma) != nullptr;
  NodeCode code = module("nn.InstanceNorm2d", {{"", python(channels), "channels"}});
  Call& call = code.steps[0].module;
  if (a.at("eps").get<float>() != 1e-5f) call.arguments.push_back({"eps", said(a.at("eps")), ""});
  if (affine) call.arguments.push_back({"affine", "True", ""});
  add_affine(code, n.node);
  return code;
}

NodeCode say_batch_norm(const NodeToCode& n) {
  const Json a = n.node.attributes();
  NodeCode code = module(n.shapes[0].rank() == 4 ? "nn.BatchNorm2d" : "nn.BatchNorm1d",
                         {{"", python(n.shapes[0][1]), "channels"}});
  Call& call = code.steps[0].module;
  if (a.at("eps").get<float>() != 1e-5f) call.arguments.push_back({"eps", said(a.at("eps")), ""});
  if (n.node.parameter(Role::gamma) == nullptr) call.arguments.push_back({"affine", "False", ""});
  add_affine(code, n.node);
  const int64_t channels = n.shapes[0][1];
  code.tensors.push_back(
      {"running_mean", {channels}, parameter_values(n.node, Role::running_mean)});
  code.tensors.push_back({"running_var", {channels}, parameter_values(n.node, Role::running_var)});
  return code;
}

NodeCode say_group_norm(const NodeToCode& n) {
  const Json a = n.node.attributes();
  const int64_t groups = a.at("groups");
  if (a.contains("kept") || a.contains("unbiased")) return counted_norm(n, groups);
  NodeCode code =
      module("nn.GroupNorm", {{"", python(groups), ""}, {"", python(n.shapes[0][1]), "channels"}});
  Call& call = code.steps[0].module;
  if (a.at("eps").get<float>() != 1e-5f) call.arguments.push_back({"eps", said(a.at("eps")), ""});
  if (n.node.parameter(Role::gamma) == nullptr) call.arguments.push_back({"affine", "False", ""});
  add_affine(code, n.node);
  return code;
}

NodeCode say_pool(const NodeToCode& n) {
  const Json a = n.node.attributes();
  const bool mean = n.node.kind() == "avg_pool";
  std::vector<Argument> arguments = {
      {"", said(a.at("size")), ""}, {"", said(a.at("stride")), ""}, {"", said(a.at("pad")), ""}};
  if (a.at("ceil_mode").get<bool>()) arguments.push_back({"ceil_mode", "True", ""});
  if (mean && !a.at("count_include_pad").get<bool>())
    arguments.push_back({"count_include_pad", "False", ""});
  std::string text = mean ? "F.avg_pool2d($0" : "F.max_pool2d($0";
  for (const Argument& argument : arguments)
    text += ", " + (argument.keyword.empty() ? "" : argument.keyword + "=") + argument.text;
  return step(mean ? "nn.AvgPool2d" : "nn.MaxPool2d", arguments, text + ")");
}

NodeCode say_global_pool(const NodeToCode& n) {
  const bool mean = n.node.kind() == "global_avg_pool";
  return step(mean ? "nn.AdaptiveAvgPool2d" : "nn.AdaptiveMaxPool2d", {{"", "1", ""}},
              mean ? "F.adaptive_avg_pool2d($0, 1)" : "F.adaptive_max_pool2d($0, 1)");
}

NodeCode say_reduce_mean(const NodeToCode& n) {
  std::string axes;
  for (const auto axis : n.node.attributes().at("axes").get<std::vector<int64_t>>())
    axes += (axes.empty() ? "" : ", ") + python(axis);
  return expression("%0.mean((" + axes + ",), keepdim=True)");
}

NodeCode say_softmax(const NodeToCode& n) {
  const std::string dim = n.shapes[0].rank() == 3 ? "2" : "1";
  return step("nn.Softmax", {{"", dim, ""}}, "%0.softmax(" + dim + ")");
}

NodeCode say_matmul(const NodeToCode& n) {
  const bool transposed = n.node.attributes().at("b_transposed");
  return expression(transposed ? "%0 @ %1.transpose(1, 2)" : "%0 @ %1", false);
}

NodeCode say_quantize(const NodeToCode& n) {
  const QuantRange range = dynamic_cast<const Quantize&>(n.node).range();
  n.helpers.insert("Quantize");
  return module("Quantize", {{"", python(static_cast<double>(range.scale)), "step"},
                             {"", python(int64_t{range.lo}), "lowest"},
                             {"", python(int64_t{range.hi}), "highest"}});
}

NodeCode say_round_to_grid(const NodeToCode& n) {
  const Json a = n.node.attributes();
  const std::string by = said(a.at("step"));
  return expression(
      "(%0 / " + by + ").round().clamp(" + said(a.at("lo")) + ", " + said(a.at("hi")) + ") * " + by,
      false);
}

NodeCode say_silu(const NodeToCode&) { return step("nn.SiLU", {}, "F.silu($0)"); }
NodeCode say_hard_swish(const NodeToCode&) { return step("nn.Hardswish", {}, "F.hardswish($0)"); }
NodeCode say_sqrt(const NodeToCode&) { return expression("%0.sqrt()"); }

constexpr std::pair<const char*, Say> kSayings[] = {
    {"activation", say_activation},
    {"add", say_arithmetic},
    {"affine", say_affine},
    {"avg_pool", say_pool},
    {"batch_norm", say_batch_norm},
    {"clip", say_clip},
    {"constant", say_constant},
    {"conv", convolution_code},
    {"conv_transpose", convolution_code},
    {"div", say_arithmetic},
    {"gelu", say_gelu},
    {"global_avg_pool", say_global_pool},
    {"global_max_pool", say_global_pool},
    {"group_norm", say_group_norm},
    {"hard_swish", say_hard_swish},
    {"instance_norm", say_instance_norm},
    {"linear", linear_code},
    {"matmul", say_matmul},
    {"max_pool", say_pool},
    {"mul", say_arithmetic},
    {"prelu", say_prelu},
    {"quantize", say_quantize},
    {"reduce_mean", say_reduce_mean},
    {"round_to_grid", say_round_to_grid},
    {"silu", say_silu},
    {"softmax", say_softmax},
    {"softplus", say_softplus},
    {"sqrt", say_sqrt},
    {"sub", say_arithmetic},
};

}  // namespace

bool NodeCode::has_module() const {
  if (!parameter.type.empty()) return true;
  for (const Step& s : steps)
    if (s.expression.empty()) return true;
  return false;
}

std::string python(int64_t value) { return std::to_string(value); }

std::string python(double value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, static_cast<float>(value)).ptr;
  std::string result(text, end);
  if (result.find_first_of(".en") == result.npos) result += ".0";
  return result;
}

std::string pair_text(int64_t a, int64_t b) {
  return a == b ? python(a) : "(" + python(a) + ", " + python(b) + ")";
}

std::string pad_text(const Padding& p) {
  return "(" + python(int64_t{p.left}) + ", " + python(int64_t{p.right}) + ", " +
         python(int64_t{p.top}) + ", " + python(int64_t{p.bottom}) + ")";
}

void refuse(const Node& node, const std::string& why) {
  fail("export: node ", node.name, " of kind ", node.kind(),
       " cannot be written for PyTorch: ", why);
}

NodeCode code_of(const NodeToCode& n) {
  for (const auto& [kind, say] : kSayings)
    if (n.node.kind() == kind) return say(n);
  return move_code(n);
}

}  // namespace gsx::torch_export
