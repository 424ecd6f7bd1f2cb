// Inserts quantisers; see quantize.h.
#include "gs/passes/quantize.h"

#include <algorithm>
#include <map>

#include "models/nodes.h"

namespace gsx {
namespace {

// Whether a node gives pixels of the image itself, perhaps padded or pooled: they lie on an 8-bit
// grid already. What is scaled per channel does not, nor what is joined with features.
bool gives_image(const Graph& graph, int node) {
  const Node& n = graph.node(node);
  if (n.is_input()) return true;
  return n.moves_values() && std::all_of(n.inputs.begin(), n.inputs.end(),
                                         [&](int i) { return gives_image(graph, i); });
}

}  // namespace

void insert_quantizers(Graph& graph, const QuantizeOptions& options) {
  std::vector<std::string> readers;  // by name: indices move
  for (int i = 0; i < graph.size(); ++i) {
    if (!graph.node(i).has_weight()) continue;
    graph.node(i).set_weight_quant(options.weights);
    if (!gives_image(graph, graph.node(i).inputs[0])) readers.push_back(graph.node(i).name);
  }
  const float p = options.act_range > 0 ? options.act_range : 4;
  std::map<int, int> quantizer_of;  // one per tensor, shared by its readers; nodes come in order
  for (const std::string& name : readers) {
    const int reader = graph.find(name);
    const int from = graph.node(reader).inputs[0];
    if (auto* quantizer = dynamic_cast<Quantize*>(&graph.node(from))) {
      if (quantizer->of_file) {  // that grid was of another network's values
        quantizer->of_file.reset();
        quantizer->grid = options.weights.grid;
        quantizer->p = p;
      }
      continue;
    }
    if (const auto found = quantizer_of.find(from); found != quantizer_of.end()) {
      graph.node(reader).inputs[0] = found->second;
      continue;
    }
    quantizer_of[from] = graph.insert_before(
        reader, 0, make_quantize(name + ".quantize", from, options.weights.grid, p, false));
  }
}

void freeze_weight_scales(Graph& graph) {
  for (int i = 0; i < graph.size(); ++i) graph.node(i).freeze_weight_scale();
}

}  // namespace gsx
