// Fits quantisers and what surrounds them to a network's values; see calibrate.h.
#include "gs/passes/calibrate.h"

#include <algorithm>
#include <map>

#include "gs/passes/histogram.h"
#include "gs/passes/output_level.h"
#include "models/nodes.h"

namespace gsx {
namespace {

// A clipped value is off in one direction at many places of the few images that have it, and an
// instance norm spreads that over the whole image; rounding averages out.
constexpr double kClipWeight = 8;
constexpr float kSmallestRange = 1e-6f;  // for inputs that are zero throughout
constexpr float kMostUneven = 1 << 8;    // a channel's range against the largest one

// The range of a quantiser for these values. Other images than these have larger ones, so there
// is room for them where the grid stays fine against what most values are.
float range_of(const Magnitudes& values, int levels) {
  constexpr double kRoom = 1.5, kFine = 0.8;  // steps against the mean
  const double least = values.range(levels, kClipWeight);
  return static_cast<float>(std::clamp(kFine * levels * values.mean(), least, kRoom * least));
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

// Whether the channels that node i makes may have any scale: whatever reads them reads them through
// one quantiser with weights that can make up for it, and are rounded channel by channel.
bool may_be_scaled(Graph& graph, const std::vector<std::vector<int>>& readers, int i) {
  const Node& made_by = graph.node(i);
  const auto scales = [](const Node& node) {
    return node.parameter(Role::weight) && node.weight_quant() && node.weight_quant()->per_channel;
  };
  const bool tapped =
      std::count(graph.feature_layers.begin(), graph.feature_layers.end(), made_by.name) > 0;
  if (!scales(made_by) || tapped || readers[i].size() != 1) return false;
  const int quantizer = readers[i][0];
  return as_quantizer(graph, quantizer) &&
         std::all_of(readers[quantizer].begin(), readers[quantizer].end(), [&](int reader) {
           return scales(graph.node(reader)) &&
                  graph.node(reader).parameter(Role::weight)->shape[1] ==
                      made_by.parameter(Role::weight)->shape[0];
         });
}

// values[i] *= factor[c], where c is the index of dimension `dim` that element i has.
void scale_along(Parameter& p, int dim, const std::vector<float>& factor) {
  std::vector<float> values = p.value.to_vector();
  size_t inner = 1;
  for (int d = dim + 1; d < p.shape.rank(); ++d) inner *= static_cast<size_t>(p.shape[d]);
  for (size_t i = 0; i < values.size(); ++i) values[i] *= factor[i / inner % factor.size()];
  p.value.copy_from(values);
}

// Gives the channels that node i makes one range, the largest there was, and takes it back where
// they are read.
float equalize(Graph& graph, const std::vector<std::vector<int>>& readers, int i,
               const std::vector<Magnitudes>& channels, int levels) {
  std::vector<float> ranges, grown, shrunk;
  for (const Magnitudes& m : channels) ranges.push_back(range_of(m, levels));
  const float largest = *std::max_element(ranges.begin(), ranges.end());
  if (largest == 0) return 0;
  for (const float r : ranges) {
    grown.push_back(std::min(largest / r, kMostUneven));
    shrunk.push_back(1 / grown.back());
  }
  for (Parameter* p : graph.node(i).parameters())
    if (p->role != Role::gamma) scale_along(*p, 0, grown);  // what it multiplies has grown
  for (const int reader : readers[readers[i][0]])
    scale_along(*graph.node(reader).parameter(Role::weight), 1, shrunk);
  return largest;
}

// What full-precision runs over the images tell.
struct RunStatistics {
  std::map<int, std::vector<Magnitudes>> inputs;  // by the node a quantiser reads: of all its
                                                  // values, or one per channel to be equalised
  std::vector<ChannelMeans> outputs;              // per image
};

RunStatistics run_statistics(Graph& graph, const std::vector<std::vector<int>>& readers,
                             const std::vector<std::vector<Tensor>>& batches) {
  RunStatistics found;
  const std::vector<Shape> shapes = graph.infer_shapes(graph.example_inputs());
  for (int i = 0; i < graph.size(); ++i) {
    if (!as_quantizer(graph, i)) continue;
    const int from = graph.node(i).inputs[0];
    const int64_t apart = may_be_scaled(graph, readers, from) ? shapes[from][1] : 1;
    found.inputs[from].resize(static_cast<size_t>(apart));
  }
  RunOptions run;
  run.fused = false;
  run.observer = [&](int node, const Tensor& value) {
    if (node == graph.output()) found.outputs.push_back(output_means(value, graph.output_format));
    const auto input = found.inputs.find(node);
    if (input == found.inputs.end()) return;
    const std::vector<float> values = value.to_vector();
    const size_t apart = input->second.size();
    const size_t plane =
        values.size() / (apart == 1 ? 1 : static_cast<size_t>(value.dim(0)) * apart);
    for (size_t at = 0; at < values.size(); at += plane)
      input->second[at / plane % apart].add(std::span(values).subspan(at, plane));
  };
  const NoGrad no_grad;
  const Graph plain = without_quantizers(graph);
  for (const std::vector<Tensor>& batch : batches) plain.run(batch, run);
  return found;
}

}  // namespace

void calibrate(Graph& graph, const std::vector<Tensor>& images, const QuantizeOptions& options) {
  std::vector<std::vector<Tensor>> batches;
  for (const Tensor& x : images) batches.push_back({x});
  calibrate_inputs(graph, batches, options);
}

void calibrate_inputs(Graph& graph, const std::vector<std::vector<Tensor>>& batches,
                      const QuantizeOptions& options) {
  GSX_CHECK(!batches.empty(), "calibrate: there must be at least one batch, got none");
  const std::vector<std::vector<int>> readers = graph.consumers();
  const RunStatistics found = run_statistics(graph, readers, batches);
  for (int i = 0; i < graph.size(); ++i) {
    Quantize* quantizer = as_quantizer(graph, i);
    if (!quantizer || quantizer->of_file) continue;
    const int from = quantizer->inputs[0];
    const std::vector<Magnitudes>& values = found.inputs.at(from);
    int64_t negative = 0, count = 0;
    for (const Magnitudes& m : values) {
      negative += m.negative();
      count += m.count();
    }
    quantizer->is_signed =
        static_cast<double>(negative) > options.signed_above * static_cast<double>(count);
    const int levels = quantizer->range().hi;
    const float p = values.size() == 1 ? range_of(values[0], levels)
                                       : equalize(graph, readers, from, values, levels);
    quantizer->p = std::max(p, kSmallestRange);
  }
  match_output_means(graph, batches, found.outputs);
}

}  // namespace gsx
