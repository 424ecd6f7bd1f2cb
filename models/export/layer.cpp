// What a layer with a weight holds, for writers of files; see layer.h.
#include "models/export/layer.h"

#include <cmath>

#include "kernels/scalar.h"
#include "models/nodes/common.h"

namespace gsx {

void check_has_values(const Graph& graph) {
  GSX_CHECK(graph.context() || graph.parameters().empty(), "export: the parameters of ",
            graph.architecture(), " have no values; initialise or load them first");
}

std::vector<float> parameter_values(const Node& node, Role role) {
  const Parameter* p = node.parameter(role);
  return p && p->value.defined() ? p->value.to_vector() : std::vector<float>{};
}

ExportedLayer read_layer(const Node& given) {
  ExportedLayer layer;
  const std::unique_ptr<Node> node = given.clone();  // holds its weight in floating point
  node->fold_scale();
  if (node->weight_quant() && !node->parameter(Role::weight_scale)) node->freeze_weight_scale();
  layer.about = node->attributes();
  layer.out = layer.about.at("out");
  layer.groups = layer.about.value("groups", 1);
  layer.constant = layer.about.at("in") == 0;
  layer.transposed = node->kind() == "conv_transpose";
  layer.bias = parameter_values(*node, Role::bias);
  if (const Parameter* tap = node->parameter(Role::tap_bias); tap && tap->value.defined()) {
    const std::vector<float> taps = tap->value.to_vector();
    if (tap->shape.rank() == 4) layer.plane = taps;
    else if (layer.bias.empty()) layer.bias = taps;
    else
      for (size_t k = 0; k < taps.size(); ++k) layer.bias[k] += taps[k];
  }
  const Parameter* weight = node->parameter(Role::weight);
  if (layer.constant || weight == nullptr) return layer;
  const Shape& s = weight->shape;
  layer.shape.assign(s.begin(), s.end());
  layer.weight = weight->value.to_vector();
  if (node->weight_quant()) {
    layer.scales = parameter_values(*node, Role::weight_scale);
    if (layer.scales.size() == 1)
      layer.scales.assign(static_cast<size_t>(layer.out), layer.scales[0]);
    const size_t each = layer.weight.size() / static_cast<size_t>(layer.out);
    for (size_t i = 0; i < layer.weight.size(); ++i) {
      const float step = layer.scales[i / each];
      const float level = step > 0 ? kernels::scalar::quantized_weight(layer.weight[i], step) : 0;
      layer.levels.push_back(static_cast<int>(level));
      layer.weight[i] = level * step;
    }
    for (float& step : layer.scales)
      if (step == 0) step = 1;  // of a channel of zeros
  }
  if (layer.transposed) {
    const int64_t taps = s[2] * s[3];
    layer.weight = for_transposed(layer.weight, s[0], s[1], taps, layer.groups);
    if (!layer.levels.empty())
      layer.levels = for_transposed(layer.levels, s[0], s[1], taps, layer.groups);
    layer.shape = {s[1] * layer.groups, s[0] / layer.groups, s[2], s[3]};
  }
  return layer;
}

void round_taps(ExportedLayer& layer, float input_scale) {
  if (layer.plane.empty() || layer.scales.empty()) return;
  const size_t each = layer.plane.size() / static_cast<size_t>(layer.out);
  for (size_t i = 0; i < layer.plane.size(); ++i) {
    const double step = static_cast<double>(layer.scales[i / each]) * input_scale;
    layer.plane[i] = static_cast<float>(std::nearbyint(layer.plane[i] / step) * step);
  }
}

LayerGeometry geometry_of(const ExportedLayer& layer) {
  const Json& a = layer.about;
  const Json& pad = a.at("pad");
  const auto axes = [&](const char* key) -> std::vector<int64_t> {
    if (!a.contains(key)) return {1, 1};
    const Json& value = a.at(key);
    if (value.is_array()) return {value[0].get<int64_t>(), value[1].get<int64_t>()};
    return {value.get<int64_t>(), value.get<int64_t>()};
  };
  return {axes("kernel"),   axes("stride"),   axes("dilation"), {pad[0], pad[1], pad[2], pad[3]},
          a.at("same_pad"), layer.transposed, a.at("pad_mode")};
}

}  // namespace gsx
