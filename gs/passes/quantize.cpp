// Inserts quantisers; see quantize.h.
#include "gs/passes/quantize.h"

#include <map>

#include "models/channels.h"
#include "models/nodes.h"

namespace gsx {
namespace {

// Whether a node reads the image itself, perhaps padded or scaled: that is never quantised. What a
// depthwise convolution makes of it is not the image, although it has its channels.
bool reads_image(const Graph& graph, const ChannelTies& ties, int reader) {
  const int from = graph.node(reader).inputs[0];
  for (int i = from; !graph.node(i).inputs.empty(); i = graph.node(i).inputs[0])
    if (graph.node(i).has_weight() && !graph.node(i).makes_channels()) return false;
  for (const int input : graph.inputs())
    for (int c = 0; c < ties.channels(input); ++c)
      if (ties.group(input, c) == ties.group(from, 0)) return true;
  return false;
}

}  // namespace

void insert_quantizers(Graph& graph, const QuantizeOptions& options) {
  std::vector<std::string> readers;  // by name: indices move
  const ChannelTies ties(graph, graph.infer_shapes(graph.example_inputs()));
  for (int i = 0; i < graph.size(); ++i) {
    if (!graph.node(i).has_weight()) continue;
    graph.node(i).set_weight_quant(options.weights);
    if (!reads_image(graph, ties, i)) readers.push_back(graph.node(i).name);
  }
  const float p = options.act_range > 0 ? options.act_range : 4;
  std::map<int, int> quantizer_of;  // one per tensor, shared by its readers; nodes come in order
  for (const std::string& name : readers) {
    const int reader = graph.find(name);
    const int from = graph.node(reader).inputs[0];
    if (dynamic_cast<const Quantize*>(&graph.node(from))) continue;
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
