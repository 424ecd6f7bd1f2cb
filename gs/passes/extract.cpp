// Removes dead channels and what they leave behind; see extract.h. Works in rounds: cut what is
// dead, then take constant summands out of additions, which may let more die.
#include "gs/passes/extract.h"

#include <algorithm>

#include "gs/passes/constant_propagation.h"
#include "gs/passes/size_source.h"
#include "models/nodes.h"

namespace gsx {
namespace {

// What is known about a graph before a round of cutting.
struct Survey {
  std::vector<Shape> shapes;
  ChannelTies ties;
  ChannelConstants constants;
  std::vector<bool> dropped;  // per group of tied channels

  explicit Survey(const Graph& graph)
      : shapes(graph.infer_shapes(graph.example_inputs())),
        ties(graph, shapes),
        constants(exact_constants(graph, shapes)),
        dropped(removable_groups(graph, shapes, ties, constants)) {}

  // In the integer program the constant a convolution makes is rounded in a way only that program
  // knows, so there only what does not depend on it counts as known.
  static ChannelConstants exact_constants(const Graph& graph, const std::vector<Shape>& shapes) {
    ChannelConstants known = channel_constants(graph, shapes);
    if (!graph.quantized()) return known;
    const ChannelConstants moved = channel_constants(graph, shapes, 1);
    for (size_t i = 0; i < known.size(); ++i)
      for (size_t c = 0; c < known[i].size(); ++c)
        if (known[i][c] != moved[i][c]) known[i][c].reset();
    return known;
  }

  std::vector<int> kept(int node) const {
    std::vector<int> channels;
    for (int c = 0; c < ties.channels(node); ++c)
      if (!dropped[ties.group(node, c)]) channels.push_back(c);
    return channels;
  }
  bool empty(int node) const { return kept(node).empty(); }
  bool cuts(int node) const { return static_cast<int>(kept(node).size()) < ties.channels(node); }
};

// Nodes the outputs still need when nothing is read from nodes without channels.
std::vector<bool> live_nodes(const Graph& graph, const Survey& survey) {
  std::vector<bool> live(graph.size(), false);
  for (const GraphOutput& o : graph.outputs()) live[o.node] = true;
  for (int i = graph.size() - 1; i >= 0; --i) {
    if (!live[i]) continue;
    for (const int from : graph.node(i).inputs)
      if (!survey.empty(from)) live[from] = true;
  }
  return live;
}

// A node that makes channels whose input has none left, and what shall give it its image size.
struct Orphan {
  std::string reader;
  SizeSource source;
};

// Finds the orphans. One that nothing can give a size keeps one (dead) channel of its input.
std::vector<Orphan> find_orphans(const Graph& graph, Survey& survey) {
  const SizeTable sizes(graph);
  for (;;) {
    const std::vector<bool> live = live_nodes(graph, survey);
    std::vector<Orphan> orphans;
    bool complete = true;
    for (int i = 1; i < graph.size() && complete; ++i) {
      const Node& node = graph.node(i);
      if (!live[i] || node.inputs.empty() || !node.makes_channels()) continue;
      if (!survey.empty(node.inputs[0])) continue;
      if (const auto source = sizes.find(i, live)) {
        orphans.push_back({node.name, *source});
      } else {
        survey.dropped[survey.ties.group(node.inputs[0], 0)] = false;
        complete = false;
      }
    }
    if (complete) return orphans;
  }
}

ChannelCut cut_of(const Graph& graph, const Survey& survey, int i) {
  ChannelCut cut;
  const bool only_size = graph.node(i).makes_channels() && !reads_channels(graph.node(i));
  for (const int from : graph.node(i).inputs) {
    cut.keep_inputs.push_back(only_size ? std::vector<int>{} : survey.kept(from));
    std::vector<float> worth;
    for (const auto& constant : survey.constants[from]) worth.push_back(constant.value_or(0));
    cut.input_constants.push_back(std::move(worth));
  }
  cut.keep_output = survey.kept(i);
  if (graph.node(i).inputs.empty()) return cut;
  const Node& source = graph.node(graph.node(i).inputs[0]);
  if (const auto* quantizer = dynamic_cast<const Quantize*>(&source))
    cut.step = quantizer->range().scale;
  return cut;
}

// Cuts every live node; true when there was anything to cut.
bool cut_nodes(Graph& graph, const Survey& survey, const std::vector<bool>& live) {
  bool changed = false;
  for (int i = 1; i < graph.size(); ++i) {
    if (!live[i]) continue;
    Node& node = graph.node(i);
    const auto cut_input = [&](int from) { return survey.cuts(from); };
    if (!survey.cuts(i) && std::none_of(node.inputs.begin(), node.inputs.end(), cut_input))
      continue;
    changed = true;
    node.cut(cut_of(graph, survey, i));
    if (survey.cuts(i) && !node.parameters().empty())
      graph.original_channels.try_emplace(node.name, survey.ties.channels(i));
    if (!node.makes_channels())  // a concatenation of which one part is gone
      std::erase_if(node.inputs, [&](int from) { return survey.empty(from); });
  }
  return changed;
}

bool cut_dead_channels(Graph& graph) {
  Survey survey(graph);
  const std::vector<Orphan> orphans = find_orphans(graph, survey);
  const bool changed = cut_nodes(graph, survey, live_nodes(graph, survey));
  for (const Orphan& orphan : orphans) adopt(graph, orphan.reader, orphan.source);
  graph.remove_unreachable();
  return changed;
}

// The value of every channel of a node, when all are constant.
std::optional<std::vector<float>> whole_constant(const ChannelConstants& known, int node) {
  std::vector<float> values;
  for (const auto& value : known[node]) {
    if (!value) return std::nullopt;
    values.push_back(*value);
  }
  return values;
}

// Turns the addition `i`, of whose two inputs one is constant, into the other input plus a shift.
bool simplify_addition(Graph& graph, const ChannelConstants& known, int i) {
  const std::vector<int> inputs = graph.node(i).inputs;
  if (!graph.node(i).is_add() || inputs.size() != 2 || graph.is_output(i)) return false;
  for (int k = 0; k < 2; ++k) {
    const auto shift = whole_constant(known, inputs[k]);
    const int other = inputs[1 - k];
    if (!shift || whole_constant(known, other)) continue;
    if (std::all_of(shift->begin(), shift->end(), [](float v) { return v == 0; })) {
      graph.redirect(i, other);
    } else {
      const std::string name = graph.node(i).name;
      const std::vector<float> ones(shift->size(), 1.0f);
      const int shifted =
          graph.insert_before(i, 1 - k, make_affine(name + ".shift", other, ones, *shift));
      graph.redirect(graph.find(name), shifted);
    }
    return true;
  }
  return false;
}

bool drop_constant_addends(Graph& graph) {
  for (bool changed = false;; changed = true) {
    const ChannelConstants known =
        Survey::exact_constants(graph, graph.infer_shapes(graph.example_inputs()));
    bool found = false;
    for (int i = 1; i < graph.size() && !found; ++i) found = simplify_addition(graph, known, i);
    if (!found) return changed;
    graph.remove_unreachable();
  }
}

// Biases that only instance norms see change nothing, not even the integer program's bits.
void drop_cancelled_shifts(Graph& graph) {
  const std::vector<std::vector<int>> readers = graph.consumers();
  for (int i = 0; i < graph.size(); ++i) {
    if (graph.is_output(i)) continue;
    const auto cancels = [&](int r) { return graph.node(r).cancels_shifts(); };
    const bool cancelled = std::all_of(readers[i].begin(), readers[i].end(), cancels);
    if (cancelled && !readers[i].empty()) graph.node(i).drop_shifts();
  }
}

}  // namespace

Graph extract(const Graph& masked) {
  Graph graph = masked;
  // Scales come from the whole weights, dead channels included; stored ones stay as they are.
  for (int i = 0; i < graph.size(); ++i) {
    Node& node = graph.node(i);
    if (node.weight_quant() && !node.parameter(Role::weight_scale)) node.freeze_weight_scale();
  }
  for (bool changed = true; changed;) {
    changed = cut_dead_channels(graph);
    changed = drop_constant_addends(graph) || changed;
  }
  drop_cancelled_shifts(graph);
  for (int i = 0; i < graph.size(); ++i) graph.node(i).fold_scale();
  return graph;
}

}  // namespace gsx
