// Weighs coarser layers against fewer channels; see weight_bits.h.
#include "gs/passes/weight_bits.h"

#include <algorithm>

#include "gs/passes/sensitivity.h"
#include "gs/passes/worth.h"

namespace gsx {

namespace {

// Training makes up for more of what rounding does than of what a lost channel did. Of 1, 2 and 4,
// 2 came nearest to the teacher on the built-in images (docs/log.md).
constexpr double kRegained = 2;

// A layer, and the mean square by which 4 bits in it move the output, for each byte that they save.
struct CoarseLayer {
  int node;
  double price;
};

std::vector<CoarseLayer> by_price(const Graph& graph,
                                  const std::vector<std::vector<Tensor>>& inputs) {
  const Sensitivity measure(graph, inputs, mean_square_difference);
  std::vector<CoarseLayer> layers;
  for (const int i : layers_with_weights(graph)) {
    Graph coarse = graph;
    set_weight_bits(coarse, i, 4);
    const auto saved =
        static_cast<double>(graph.node(i).parameter(Role::weight)->shape.numel()) / 2;
    layers.push_back({i, measure.of(coarse) / saved});
  }
  std::stable_sort(layers.begin(), layers.end(),
                   [](const CoarseLayer& a, const CoarseLayer& b) { return a.price < b.price; });
  return layers;
}

// The most that a byte costs of those that pruning saves, when a network is pruned to the budget; 0
// where nothing is pruned.
double price_of_pruning(Graph graph, const std::vector<PruneGroup>& groups, const Budget& budget,
                        const std::vector<double>& movements) {
  const std::vector<double> costs = channel_costs(graph, groups, budget);
  std::vector<double> prices;
  for (size_t g = 0; g < groups.size(); ++g)
    for (int i = 0; i < groups[g].channels(); ++i)
      prices.push_back(movements[prices.size()] / costs[g]);
  prune_to_budget(graph, groups, budget, prices);
  const std::vector<bool> kept = kept_channels(graph, groups);
  double most = 0;
  for (size_t i = 0; i < prices.size(); ++i)
    if (!kept[i]) most = std::max(most, prices[i]);
  return most;
}

}  // namespace

std::vector<int> choose_weight_bits(Graph& graph, const std::vector<PruneGroup>& groups,
                                    const Budget& budget,
                                    const std::vector<std::vector<Tensor>>& inputs, Rng& rng) {
  GSX_CHECK(budget.kind == Budget::Kind::bytes,
            "choose_weight_bits: needs a budget of bytes to choose under, got none");
  const std::vector<CoarseLayer> layers = by_price(graph, inputs);
  const std::vector<double> movements = channel_movements(graph, groups, inputs, rng);
  const auto coarse = [&](size_t count) {
    Graph variant = graph;
    for (size_t i = 0; i < count; ++i) set_weight_bits(variant, layers[i].node, 4);
    return variant;
  };
  // Layers cost more and pruning less the more layers are coarse.
  size_t few = 0, many = layers.size();
  while (few < many) {
    const size_t middle = (few + many) / 2;
    const double saved_by_pruning = price_of_pruning(coarse(middle), groups, budget, movements);
    if (layers[middle].price < kRegained * saved_by_pruning) few = middle + 1;
    else many = middle;
  }
  graph = coarse(few);
  std::vector<int> chosen;
  for (size_t i = 0; i < few; ++i) chosen.push_back(layers[i].node);
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

}  // namespace gsx
