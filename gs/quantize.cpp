// Inserts quantisers and finds their ranges; see quantize.h.
#include "gs/quantize.h"

#include <algorithm>
#include <map>

#include "gs/magnitudes.h"
#include "models/channels.h"
#include "models/nodes.h"

namespace gsx {
namespace {

// Whether a node reads the image itself, perhaps padded or scaled: that is never quantised.
bool reads_image(const Graph& graph, const ChannelTies& ties, int reader) {
  const int from = graph.node(reader).inputs[0];
  for (int c = 0; c < ties.channels(0); ++c)
    if (ties.group(0, c) == ties.group(from, 0)) return true;
  return false;
}

Quantize* as_quantizer(Graph& graph, int i) { return dynamic_cast<Quantize*>(&graph.node(i)); }

// The graph in full precision; node indices stay the same.
Graph without_quantizers(const Graph& graph) {
  Graph plain = graph;
  for (int i = 0; i < plain.size(); ++i) {
    plain.node(i).set_weight_quant(std::nullopt);
    if (as_quantizer(plain, i)) plain.redirect(i, plain.node(i).inputs[0]);
  }
  return plain;
}

}  // namespace

void insert_quantizers(Graph& graph, const QuantizeOptions& options) {
  std::vector<std::string> readers;  // by name: indices move
  const ChannelTies ties(graph, graph.infer_shapes(graph.example_input()));
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
    if (as_quantizer(graph, from)) continue;
    if (const auto found = quantizer_of.find(from); found != quantizer_of.end()) {
      graph.node(reader).inputs[0] = found->second;
      continue;
    }
    quantizer_of[from] = graph.insert_before(
        reader, 0, make_quantize(name + ".quantize", from, options.weights.grid, p, false));
  }
}

void calibrate(Graph& graph, const std::vector<Tensor>& batches, const QuantizeOptions& options) {
  GSX_CHECK(!batches.empty(), "calibrate: there must be at least one batch, got none");
  const Graph plain = without_quantizers(graph);
  std::map<int, Magnitudes> seen;  // by the node a quantiser reads
  for (int i = 0; i < graph.size(); ++i)
    if (as_quantizer(graph, i)) seen[graph.node(i).inputs[0]];
  RunOptions run;
  run.fused = false;
  run.observer = [&seen](int node, const Tensor& value) {
    if (const auto found = seen.find(node); found != seen.end())
      found->second.add(value.to_vector());
  };
  const NoGrad no_grad;
  for (const Tensor& batch : batches) plain.run(batch, run);
  constexpr float kSmallestRange = 1e-6f;  // for inputs that are zero throughout
  for (int i = 0; i < graph.size(); ++i) {
    Quantize* quantizer = as_quantizer(graph, i);
    if (!quantizer) continue;
    const Magnitudes& values = seen[quantizer->inputs[0]];
    quantizer->p = std::max(values.quantile(options.percentile), kSmallestRange);
    quantizer->is_signed = values.negative_share() > options.signed_above;
  }
}

void freeze_weight_scales(Graph& graph) {
  for (int i = 0; i < graph.size(); ++i) graph.node(i).freeze_weight_scale();
}

}  // namespace gsx
