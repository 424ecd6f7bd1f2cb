// What a graph costs: parameters, bytes, multiply-accumulates; and the table people read.
#include <algorithm>
#include <cstdio>

#include "engine/text_table.h"
#include "models/graph.h"

namespace gsx {

namespace {

LayerCost layer_cost(const Graph& graph, const Node& node, std::span<const Shape> in,
                     const Shape& out) {
  LayerCost layer;
  layer.name = node.name;
  layer.kind = node.kind();
  layer.output = out;
  for (const Parameter* p : node.parameters()) {
    if (!is_trained(p->role)) continue;
    layer.params += p->shape.numel();
    const bool quantized = p->role == Role::weight && node.weight_quant();
    if (quantized) layer.weight_bits = node.weight_quant()->bits;
    if (p->shape.rank() > 1)
      layer.weight_bytes += (p->shape.numel() * (quantized ? layer.weight_bits : 32) + 7) / 8;
  }
  layer.macs = node.macs(in, out);
  layer.kept = static_cast<int>(out[1]);
  const auto original = graph.original_channels.find(node.name);
  layer.original = original == graph.original_channels.end() ? layer.kept : original->second;
  return layer;
}

std::string format(const char* pattern, double value) {
  char text[64];
  std::snprintf(text, sizeof text, pattern, value);
  return text;
}

std::string channels_text(const LayerCost& layer) {
  const std::string kept = std::to_string(layer.kept);
  return layer.kept == layer.original ? kept : kept + "/" + std::to_string(layer.original);
}

std::string output_text(const Shape& s) {
  std::string text;
  for (int i = 1; i < s.rank(); ++i) text += (i > 1 ? " x " : "") + std::to_string(s[i]);
  return text;
}

}  // namespace

Cost Graph::cost(const Shape& input) const { return cost(std::vector{input}); }

Cost Graph::cost(const std::vector<Shape>& inputs) const {
  const std::vector<Shape> shapes = infer_shapes(inputs);
  Cost total;
  for (int i = 0; i < size(); ++i) {
    std::vector<Shape> in;
    for (const int j : nodes_[i]->inputs) in.push_back(shapes[j]);
    LayerCost layer = layer_cost(*this, *nodes_[i], in, shapes[i]);
    if (layer.params == 0 && layer.macs.paper_macs == 0 && layer.macs.true_macs == 0) continue;
    total.params += layer.params;
    total.weight_bytes += layer.weight_bytes;
    total.macs.true_macs += layer.macs.true_macs;
    total.macs.paper_macs += layer.macs.paper_macs;
    total.layers.push_back(std::move(layer));
  }
  return total;
}

std::string Graph::to_string(const Shape& input) const { return to_string(std::vector{input}); }

std::string Graph::to_string(const std::vector<Shape>& inputs) const {
  const Cost all = cost(inputs);
  std::vector<std::vector<std::string>> rows = {
      {"layer", "kind", "channels", "output", "MMAC", "params", "weight bytes"}};
  const bool packed = std::any_of(all.layers.begin(), all.layers.end(),
                                  [](const LayerCost& layer) { return layer.weight_bits < 8; });
  for (const LayerCost& layer : all.layers) {
    rows.push_back({layer.name, layer.kind, channels_text(layer), output_text(layer.output),
                    format("%.1f", layer.macs.true_macs / 1e6), std::to_string(layer.params),
                    std::to_string(layer.weight_bytes)});
    if (packed)
      rows.back().push_back(layer.weight_bits < 32 ? std::to_string(layer.weight_bits) : "");
  }
  rows.push_back({"total", "", "", "", format("%.1f", all.macs.true_macs / 1e6),
                  std::to_string(all.params), std::to_string(all.weight_bytes)});
  if (packed) {
    rows.front().emplace_back("bits");
    rows.back().emplace_back();
  }
  return text_table(rows, 2) + format("the paper counts %.1f MMAC", all.macs.paper_macs / 1e6) +
         format(" (%.2f G of 2^30)\n", all.macs.paper_macs / (1 << 30));
}

}  // namespace gsx
