// Folds batch norms; see fold_norms.h.
#include "gs/passes/fold_norms.h"

#include <algorithm>

namespace gsx {

namespace {

bool is_feature_layer(const Graph& graph, const std::string& name) {
  const auto& layers = graph.feature_layers;
  return std::find(layers.begin(), layers.end(), name) != layers.end();
}

// The node in front of a norm, where nothing else sees what it makes; -1: something does.
int sole_source(const Graph& graph, const std::vector<std::vector<int>>& readers, int norm) {
  const int from = graph.node(norm).inputs[0];
  const bool seen = readers[from].size() > 1 || graph.is_output(from) || graph.is_output(norm) ||
                    is_feature_layer(graph, graph.node(from).name) ||
                    is_feature_layer(graph, graph.node(norm).name);
  return seen ? -1 : from;
}

}  // namespace

int fold_norms(Graph& graph) {
  int folded = 0;
  const std::vector<std::vector<int>> readers = graph.consumers();
  for (int i = 1; i < graph.size(); ++i) {
    const Graph& known = graph;
    const auto line = known.node(i).line();
    const int from = line ? sole_source(graph, readers, i) : -1;
    if (from < 0 || !graph.node(from).absorb(*line)) continue;
    graph.original_channels.erase(known.node(i).name);
    graph.redirect(i, from);
    ++folded;
  }
  graph.remove_unreachable();
  return folded;
}

}  // namespace gsx
