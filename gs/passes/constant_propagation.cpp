// Propagates constants through a graph and finds the channels that nothing but constants is read
// of.
#include "gs/passes/constant_propagation.h"

namespace gsx {
namespace {

using Constants = std::vector<std::optional<float>>;

std::vector<Shape> input_shapes(const Node& node, const std::vector<Shape>& shapes) {
  std::vector<Shape> in;
  for (const int i : node.inputs) in.push_back(shapes[i]);
  return in;
}

// What node `i`'s channel c is made from, in the order Node::constant wants.
Constants gather(const Node& node, int c, const std::vector<Shape>& in,
                 const ChannelConstants& known) {
  Constants values;
  for (const ChannelSource& s : node.sources(c, in))
    values.push_back(known[node.inputs[s.input]][s.channel]);
  return values;
}

// Gammas [C] of a norm, or nothing.
std::vector<float> gammas(const Node& node) {
  const Parameter* scale = node.parameter(Role::gamma);
  return scale && scale->value.defined() ? scale->value.to_vector() : std::vector<float>{};
}

void keep(std::vector<Stay>& groups, int group, Stay::Why why, int node) {
  if (groups[group].why == Stay::Why::no) groups[group] = {why, node};
}

// The channels of node `of`, because of `node`.
void keep_all(std::vector<Stay>& groups, const ChannelTies& ties, int of, Stay::Why why, int node) {
  for (int c = 0; c < ties.channels(of); ++c) keep(groups, ties.group(of, c), why, node);
}

}  // namespace

bool reads_channels(const Node& node) {
  return node.makes_channels() && node.parameter(Role::weight) != nullptr;
}

ChannelConstants channel_constants(const Graph& graph, const std::vector<Shape>& shapes,
                                   float made_offset) {
  ChannelConstants known(graph.size());
  for (int i = 0; i < graph.size(); ++i) {
    const Node& node = graph.node(i);
    const std::vector<Shape> in = input_shapes(node, shapes);
    const std::vector<float> gamma = gammas(node);
    known[i].resize(shapes[i][1]);
    for (int c = 0; c < static_cast<int>(known[i].size()); ++c) {
      const bool gamma_zero = !gamma.empty() && gamma[c] == 0;
      if (node.makes_channels()) {
        if (!reads_channels(node) || gamma_zero) known[i][c] = node.constant(c, {}, gamma_zero);
        if (known[i][c] && !gamma_zero) *known[i][c] += made_offset;
      } else {
        known[i][c] = node.constant(c, gather(node, c, in, known), gamma_zero);
      }
    }
  }
  return known;
}

ChannelConstants prunable_constants(const Graph& graph, const std::vector<Shape>& shapes) {
  constexpr float kSomeShift =
      0.7f;  // positive: no activation hides it from what is not constant for it
  ChannelConstants known(graph.size());
  for (int i = 0; i < graph.size(); ++i) {
    const Node& node = graph.node(i);
    known[i].resize(shapes[i][1]);
    const std::vector<Shape> in = input_shapes(node, shapes);
    const bool has_scale = node.parameter(Role::gamma) != nullptr;
    const bool has_shift = node.parameter(Role::beta) != nullptr;
    if (node.makes_channels() && !has_scale) continue;
    for (int c = 0; c < static_cast<int>(known[i].size()); ++c) {
      // No two shifts are the same: what holds only where some agree does not hold.
      const float some =
          kSomeShift + 1e-4f * static_cast<float>(c) + 0.013f * static_cast<float>(i);
      if (has_scale) known[i][c] = has_shift ? some : 0.0f;
      else known[i][c] = node.constant(c, gather(node, c, in, known), false);
    }
  }
  return known;
}

std::vector<Stay> staying_groups(const Graph& graph, const std::vector<Shape>& shapes,
                                 const ChannelTies& ties, const ChannelConstants& known) {
  using Why = Stay::Why;
  std::vector<Stay> stays(ties.groups());
  for (const int i : graph.inputs()) keep_all(stays, ties, i, Why::input, i);
  for (const GraphOutput& o : graph.outputs()) keep_all(stays, ties, o.node, Why::output, o.node);
  for (const std::string& layer : graph.feature_layers)
    if (const int i = graph.find(layer); i >= 0) keep_all(stays, ties, i, Why::feature_layer, i);
  for (int i = 0; i < graph.size(); ++i) {
    const Node& node = graph.node(i);
    const std::vector<Shape> in = input_shapes(node, shapes);
    for (size_t k = 0; k < node.inputs.size(); ++k)
      if (node.pins_input(static_cast<int>(k), in))
        keep_all(stays, ties, node.inputs[k], Why::pinned, i);
    if (!reads_channels(node) && !node.counts_channels()) continue;
    for (const int from : node.inputs)
      for (int c = 0; c < ties.channels(from); ++c)
        if (!known[from][c]) keep(stays, ties.group(from, c), Why::read, i);
  }
  return stays;
}

std::vector<bool> removable_groups(const Graph& graph, const std::vector<Shape>& shapes,
                                   const ChannelTies& ties, const ChannelConstants& known) {
  std::vector<bool> removable;
  for (const Stay& stay : staying_groups(graph, shapes, ties, known))
    removable.push_back(stay.why == Stay::Why::no);
  return removable;
}

}  // namespace gsx
