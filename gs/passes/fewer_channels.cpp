// Cuts channels by their ties alone; see fewer_channels.h.
#include "gs/passes/fewer_channels.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "gs/passes/constant_propagation.h"
#include "models/nodes.h"

namespace gsx {
namespace {

bool holds_numbers(const Parameter& p) {
  return p.role == Role::constant || p.role == Role::variable;
}

// Depthwise filters [K,1,R,S] that are all the same.
bool is_fixed_filter(const Parameter& p) {
  if (p.role != Role::weight || !p.value.defined() || p.shape.rank() != 4) return false;
  if (p.groups != p.shape[0] || p.groups == 1 || p.shape[1] != 1) return false;
  const std::vector<float> w = p.value.to_vector();
  const size_t taps = w.size() / static_cast<size_t>(p.shape[0]);
  for (size_t i = taps; i < w.size(); ++i)
    if (w[i] != w[i - taps]) return false;
  return true;
}

// The teacher's nodes without quantisers and without values, but for those that stay.
Graph structure_of(const Graph& teacher) {
  Graph graph = teacher;
  for (Parameter* p : graph.parameters())
    if (!holds_numbers(*p) && !is_fixed_filter(*p)) p->value = {};
  for (int i = 0; i < graph.size(); ++i) {
    graph.node(i).set_weight_quant({});
    if (dynamic_cast<const Quantize*>(&graph.node(i))) graph.redirect(i, graph.node(i).inputs[0]);
  }
  graph.remove_unreachable();
  graph.original_channels.clear();
  return graph;
}

// Which channels stay when every set of nodes that share channels keeps a share of them.
class Thinning {
 public:
  Thinning(const Graph& graph, double share)
      : graph_(graph),
        shapes_(graph.infer_shapes(graph.example_inputs())),
        ties_(graph, shapes_),
        dropped_(ties_.groups(), false) {
    for (const auto& [nodes, ties] : families()) {
      const auto all = static_cast<int>(ties.size());
      const int keep = std::max(1, static_cast<int>(std::lround(share * all)));
      thinner_ = thinner_ || keep < all;
      can_thin_ = can_thin_ || all > 1;
      for (int i = 0; i < all; ++i)
        dropped_[ties[i]] = int64_t{i + 1} * keep / all == int64_t{i} * keep / all;
    }
  }
  bool can_thin() const { return can_thin_; }
  bool thinner() const { return thinner_; }

  ChannelCut cut_of(int node) const {
    ChannelCut cut;
    for (const int from : graph_.node(node).inputs) {
      cut.keep_inputs.push_back(kept(from));
      cut.input_constants.emplace_back(ties_.channels(from), 0.0f);
    }
    cut.keep_output = kept(node);
    return cut;
  }

 private:
  std::vector<int> kept(int node) const {
    std::vector<int> channels;
    for (int c = 0; c < ties_.channels(node); ++c)
      if (!dropped_[ties_.group(node, c)]) channels.push_back(c);
    return channels;
  }

  // Tied channels that may go, by the nodes that they are channels of.
  std::map<std::vector<int>, std::vector<int>> families() const {
    ChannelConstants all_known(graph_.size());  // nothing is read but what the fresh weights make
    for (int i = 0; i < graph_.size(); ++i) all_known[i].assign(ties_.channels(i), 0.0f);
    const std::vector<Stay> stays = staying_groups(graph_, shapes_, ties_, all_known);
    std::vector<std::vector<int>> nodes(ties_.groups());
    for (int i = 0; i < graph_.size(); ++i)
      for (int c = 0; c < ties_.channels(i); ++c) nodes[ties_.group(i, c)].push_back(i);
    std::map<std::vector<int>, std::vector<int>> found;
    for (int tie = 0; tie < ties_.groups(); ++tie)
      if (!nodes[tie].empty() && stays[tie].why == Stay::Why::no) found[nodes[tie]].push_back(tie);
    return found;
  }

  const Graph& graph_;
  const std::vector<Shape> shapes_;
  const ChannelTies ties_;
  std::vector<bool> dropped_;  // per group of ties
  bool can_thin_ = false, thinner_ = false;
};

double rms(const Parameter& p) {
  if (!p.value.defined()) return 0;
  double squares = 0;
  for (const float v : p.value.to_vector()) squares += double{v} * v;
  return std::sqrt(squares / static_cast<double>(p.shape.numel()));
}

void scale_by(const Tensor& values, double factor) {
  std::vector<float> all = values.to_vector();
  for (float& v : all) v = static_cast<float>(v * factor);
  values.copy_from(all);
}

// The nodes whose channels are those of an output.
std::vector<bool> of_outputs(const Graph& graph) {
  const ChannelTies ties(graph, graph.infer_shapes(graph.example_inputs()));
  std::vector<bool> given(ties.groups(), false), found(graph.size(), false);
  for (const GraphOutput& o : graph.outputs())
    for (int c = 0; c < ties.channels(o.node); ++c) given[ties.group(o.node, c)] = true;
  for (int i = 0; i < graph.size(); ++i)
    for (int c = 0; c < ties.channels(i); ++c) found[i] = found[i] || given[ties.group(i, c)];
  return found;
}

// One parameter as it was just drawn, N(0, deviation) where it is a weight.
void fit(Parameter& p, const Parameter& teacher, double deviation, bool gives_output) {
  const double size = rms(teacher);
  if (p.role == Role::weight) {
    const double read = static_cast<double>(teacher.shape[1]) / static_cast<double>(p.shape[1]);
    if (size > 0) scale_by(p.value, size * std::sqrt(read) / deviation);
  } else if (p.role == Role::gamma) {
    if (size > 0) p.value.fill(static_cast<float>(size));
  } else if (gives_output && p.shape == teacher.shape &&
             (p.role == Role::bias || p.role == Role::beta)) {
    p.value.copy_from(teacher.value.to_vector());
  }
}

}  // namespace

Graph fewer_channels(const Graph& teacher, double share) {
  GSX_CHECK(share > 0 && share <= 1,
            "fewer_channels: the share must be above 0 and at most 1, got ", share);
  Graph graph = structure_of(teacher);
  const Thinning thinning(graph, share);
  GSX_CHECK(thinning.can_thin(), "distill: no channel of '", teacher.architecture(),
            "' can be left out, because all of them are tied to its input or output; give another "
            "--teacher, or --method gs8 to store it in 8 bits");
  if (!thinning.thinner()) return graph;
  std::vector<ChannelCut> cuts;
  for (int i = 0; i < graph.size(); ++i) cuts.push_back(thinning.cut_of(i));
  for (int i = 0; i < graph.size(); ++i) {
    if (graph.node(i).is_input()) continue;
    graph.node(i).cut(cuts[i]);
    graph.node(i).forget_lost();
  }
  return graph;
}

void draw_weights(Graph& fewer, const Graph& teacher, const ContextPtr& context, Rng& rng) {
  std::map<std::string, Tensor> stay;
  for (const Parameter* p : fewer.parameters())
    if (p->role == Role::weight && p->value.defined()) stay[p->name] = p->value;
  const Init drawn;
  fewer.initialize(context, rng, drawn);
  const std::vector<bool> gives_output = of_outputs(fewer);
  for (int i = 0; i < fewer.size(); ++i) {
    const Node* same = &teacher.node(teacher.find(fewer.node(i).name));
    for (Parameter* p : fewer.node(i).parameters()) {
      if (const auto kept = stay.find(p->name); kept != stay.end()) p->value = kept->second;
      else if (const Parameter* like = same->parameter(p->role))
        fit(*p, *like, drawn.deviation, gives_output[i]);
    }
  }
}

}  // namespace gsx
