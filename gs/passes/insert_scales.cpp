// Tries scales wherever a node takes one and keeps those that make channels prunable; see
// insert_scales.h.
#include "gs/passes/insert_scales.h"

#include <algorithm>

#include "gs/passes/constant_propagation.h"

namespace gsx {
namespace {

// A graph with some scales tried, and which of its channels these let go.
class Trial {
 public:
  explicit Trial(Graph graph)
      : graph_(std::move(graph)),
        shapes_(graph_.infer_shapes(graph_.example_inputs())),
        ties_(graph_, shapes_),
        lost_(lost_scales()) {
    look();
    before_ = prunable_;
  }

  // The nodes to insert scales at.
  std::vector<int> places() {
    if (!norms_have_scales()) insert(norms_tied_to(bound_convolutions()));
    std::vector<int> open;
    for (const int i : bound_convolutions())
      if (!lost_[i]) open.push_back(i);
    insert(open);
    std::vector<int> useful;
    for (const int i : inserted_)
      if (any_group(i, [&](int g) { return prunable_[g] && !before_[g]; })) useful.push_back(i);
    std::sort(useful.begin(), useful.end());
    return useful;
  }

 private:
  // Which groups of tied channels are prunable now.
  void look() {
    const std::vector<bool> removable =
        removable_groups(graph_, shapes_, ties_, prunable_constants(graph_, shapes_));
    prunable_.assign(removable.size(), false);
    for (int i = 0; i < graph_.size(); ++i) {
      if (!as_const().node(i).parameter(Role::gamma)) continue;
      for (int c = 0; c < ties_.channels(i); ++c)
        prunable_[ties_.group(i, c)] = removable[ties_.group(i, c)];
    }
  }

  const Graph& as_const() const { return graph_; }

  // Whether this holds for a group that node i has a channel in.
  template <class Holds>
  bool any_group(int i, Holds&& holds) const {
    for (int c = 0; c < ties_.channels(i); ++c)
      if (holds(ties_.group(i, c))) return true;
    return false;
  }

  // Convolutions with a channel that must stay for want of scales or for another reason.
  std::vector<int> bound_convolutions() const {
    std::vector<int> bound;
    for (int i = 0; i < graph_.size(); ++i) {
      const Node& node = as_const().node(i);
      if (node.has_weight() && node.takes_scale() &&
          any_group(i, [&](int g) { return !prunable_[g]; }))
        bound.push_back(i);
    }
    return bound;
  }

  bool norms_have_scales() const {
    for (int i = 0; i < graph_.size(); ++i) {
      const Node& node = as_const().node(i);
      if (node.parameter(Role::gamma) && !node.scale_is_inserted()) return true;
    }
    return false;
  }

  std::vector<int> norms_tied_to(const std::vector<int>& nodes) const {
    std::vector<bool> tied(prunable_.size(), false);
    for (const int i : nodes)
      for (int c = 0; c < ties_.channels(i); ++c) tied[ties_.group(i, c)] = true;
    std::vector<int> norms;
    for (int i = 0; i < graph_.size(); ++i) {
      const Node& node = as_const().node(i);
      if (!node.has_weight() && node.takes_scale() && any_group(i, [&](int g) { return tied[g]; }))
        norms.push_back(i);
    }
    return norms;
  }

  // Of which nodes all that is read goes through norms that take its scale out again.
  std::vector<bool> lost_scales() const {
    const std::vector<std::vector<int>> readers = graph_.consumers();
    std::vector<bool> lost(graph_.size(), false);
    for (int i = graph_.size() - 1; i >= 0; --i) {
      if (graph_.is_output(i)) continue;
      lost[i] = std::all_of(readers[i].begin(), readers[i].end(), [&](int r) {
        const Node& reader = as_const().node(r);
        return reader.cancels_scales() ||
               (!reader.makes_channels() && !reader.counts_channels() && lost[r]);
      });
    }
    return lost;
  }

  void insert(const std::vector<int>& nodes) {
    for (const int i : nodes) {
      graph_.node(i).insert_scale(nullptr);
      inserted_.push_back(i);
    }
    look();
  }

  Graph graph_;
  const std::vector<Shape> shapes_;
  const ChannelTies ties_;
  const std::vector<bool> lost_;         // per node
  std::vector<bool> prunable_, before_;  // per group of tied channels: now, and of the graph given
  std::vector<int> inserted_;
};

}  // namespace

int insert_scales(Graph& graph, PruneBy by) {
  if (by == PruneBy::norm) return 0;
  const std::vector<int> places = Trial(graph).places();
  const ContextPtr context = graph.context();
  for (const int i : places) graph.node(i).insert_scale(context);
  return static_cast<int>(places.size());
}

}  // namespace gsx
