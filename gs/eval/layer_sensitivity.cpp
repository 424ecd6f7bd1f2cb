// Measures a network's variants one after the other; see layer_sensitivity.h.
#include "gs/eval/layer_sensitivity.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "engine/ops.h"
#include "gs/passes/insert_scales.h"
#include "gs/passes/worth.h"
#include "models/channels.h"

namespace gsx {

namespace {

// A channel of a group, and how far the output moves with it.
struct RankedChannel {
  int group, channel;
  double movement;
};

// The channels that can be pruned of each layer, those first that the output moves least with.
class RankedChannels {
 public:
  RankedChannels(const Graph& graph, const std::vector<std::vector<Tensor>>& inputs, Rng& rng)
      : graph_(graph), groups_(prune_groups(graph)) {
    if (groups_.empty()) return;
    const std::vector<double> movements = channel_movements(graph, groups_, inputs, rng);
    const std::vector<Shape> shapes = graph.infer_shapes(graph.example_inputs());
    const ChannelTies ties(graph, shapes);
    std::map<int, RankedChannel> of_tie;
    size_t at = 0;
    for (int g = 0; g < static_cast<int>(groups_.size()); ++g) {
      const PruneGroup::Norm& norm = groups_[g].norms.front();
      for (int i = 0; i < groups_[g].channels(); ++i)
        of_tie[ties.group(norm.node, norm.channels[i])] = {g, i, movements[at++]};
    }
    for (const int layer : layers_with_weights(graph)) {
      std::map<int, RankedChannel> mine;  // each tie once
      for (int c = 0; c < ties.channels(layer); ++c) {
        const int tie = ties.group(layer, c);
        if (const auto found = of_tie.find(tie); found != of_tie.end()) mine[tie] = found->second;
      }
      std::vector<RankedChannel>& ranked = of_layer_[layer];
      for (const auto& [tie, channel] : mine) {
        ranked.push_back(channel);
        ties_[layer].push_back(tie);
      }
      std::stable_sort(
          ranked.begin(), ranked.end(),
          [](const RankedChannel& a, const RankedChannel& b) { return a.movement < b.movement; });
    }
  }

  const std::vector<RankedChannel>& of(int layer) { return of_layer_[layer]; }
  // Which sets of tied channels those are.
  const std::vector<int>& ties_of(int layer) { return ties_[layer]; }
  Graph without(int layer, size_t count) {
    Graph fewer = graph_;
    for (size_t i = 0; i < count; ++i) {
      const RankedChannel& c = of_layer_[layer][i];
      for (const PruneGroup::Norm& norm : groups_[c.group].norms)
        fewer.node(norm.node).parameter(Role::gamma)->value.put(norm.channels[c.channel], 0);
    }
    return fewer;
  }

 private:
  const Graph& graph_;
  std::vector<PruneGroup> groups_;
  std::map<int, std::vector<RankedChannel>> of_layer_;
  std::map<int, std::vector<int>> ties_;
};

}  // namespace

std::vector<LayerSensitivity> layer_sensitivities(
    const Graph& given, const std::vector<std::vector<Tensor>>& inputs,
    const OutputDistance& distance, Rng& rng,
    const std::function<void(int done, int all)>& progress) {
  Graph graph = given;
  insert_scales(graph);
  const Sensitivity measure(graph, inputs, distance);
  RankedChannels channels(graph, inputs, rng);
  const Graph& as_is = graph;
  std::vector<LayerSensitivity> layers;
  std::map<std::vector<int>, std::string> measured;  // which layer's tied channels have been
  int done = 0, all = 0;
  const auto of = [&](const Graph& variant) {
    const double d = measure.of(variant);
    GSX_CHECK(std::isfinite(d), "sensitivity: the network's outputs must be finite, and their ",
              "distance is ", d, "; the network is broken, get or train it anew");
    if (progress) progress(++done, all);
    return d;
  };
  for (const int i : layers_with_weights(as_is)) {
    const Node& node = as_is.node(i);
    LayerSensitivity layer;
    layer.name = node.name;
    layer.kind = node.kind();
    layer.weights = node.parameter(Role::weight)->shape.numel();
    layer.channels = static_cast<int>(node.parameter(Role::weight)->shape[0]);
    layer.prunable = static_cast<int>(channels.of(i).size());
    const std::vector<int>& ties = channels.ties_of(i);
    if (!ties.empty() && !measured.try_emplace(ties, layer.name).second)
      layer.tied_to = measured.at(ties);
    const int bits = node.weight_quant() ? node.weight_quant()->bits : 32;
    all +=
        (bits > 8) + (bits > 4) + (layer.prunable > 0 && layer.tied_to.empty() ? kTenths - 1 : 0);
    layers.push_back(std::move(layer));
  }
  std::map<std::string, std::vector<double>> tenths;
  for (LayerSensitivity& layer : layers) {
    const int i = as_is.find(layer.name);
    const int now = as_is.node(i).weight_quant() ? as_is.node(i).weight_quant()->bits : 32;
    for (const int bits : {8, 4}) {
      if (bits >= now) continue;
      Graph coarse = graph;
      set_weight_bits(coarse, i, bits);
      (bits == 8 ? layer.bits8 : layer.bits4) = of(coarse);
    }
    if (!layer.tied_to.empty()) {
      layer.tenths = tenths.at(layer.tied_to);
      continue;
    }
    const auto count = static_cast<size_t>(layer.prunable);
    for (size_t t = 1; t < kTenths && count > 0; ++t)
      layer.tenths.push_back(of(channels.without(i, (count * t + kTenths / 2) / kTenths)));
    tenths[layer.name] = layer.tenths;
  }
  return layers;
}

double signal_to_noise(const std::vector<Tensor>& outputs, double mean_square_difference) {
  constexpr double kMost = 200;
  double signal = 0;
  for (const Tensor& y : outputs) signal += mse_to(y, 0).item();
  signal /= static_cast<double>(std::max<size_t>(outputs.size(), 1));
  if (mean_square_difference <= 0) return kMost;
  return std::min(kMost, 10 * std::log10(std::max(signal, 1e-30) / mean_square_difference));
}

}  // namespace gsx
