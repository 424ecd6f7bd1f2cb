// Runs a network and its variants side by side; see sensitivity.h.
#include "gs/passes/sensitivity.h"

#include "engine/ops.h"

namespace gsx {

double mean_square_difference(const Tensor& before, const Tensor& after) {
  return mse_loss(after, before).item();
}

Sensitivity::Sensitivity(const Graph& graph, std::vector<std::vector<Tensor>> inputs,
                         OutputDistance distance)
    : inputs_(std::move(inputs)), distance_(std::move(distance)) {
  GSX_CHECK(!inputs_.empty(), "sensitivity: needs at least one input of the network, got none");
  const NoGrad guard;
  for (const std::vector<Tensor>& x : inputs_) outputs_.push_back(graph.run(x).front());
}

double Sensitivity::of(const Graph& variant) const {
  const NoGrad guard;
  double sum = 0;
  for (size_t i = 0; i < inputs_.size(); ++i)
    sum += distance_(outputs_[i], variant.run(inputs_[i]).front());
  return sum / static_cast<double>(inputs_.size());
}

std::vector<int> layers_with_weights(const Graph& graph) {
  std::vector<int> layers;
  for (int i = 0; i < graph.size(); ++i)
    if (graph.node(i).has_weight() && graph.node(i).parameter(Role::weight)) layers.push_back(i);
  return layers;
}

void set_weight_bits(Graph& graph, int node, int bits) {
  WeightQuant quant = graph.node(node).weight_quant().value_or(WeightQuant{});
  quant.bits = bits;
  graph.node(node).set_weight_quant(quant);
}

}  // namespace gsx
