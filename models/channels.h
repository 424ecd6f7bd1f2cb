// Which channels of a graph must be kept or cut together.
#pragma once
#include "models/graph.h"

namespace gsx {

// The channels of all nodes, joined with their sources (Node::sources) and with what must be cut
// alike (Node::alike_input): a union-find.
class ChannelTies {
 public:
  // Shapes as Graph::infer_shapes gives them.
  ChannelTies(const Graph&, const std::vector<Shape>& shapes);

  int channels(int node) const { return first_[node + 1] - first_[node]; }
  // Equal for channels that are tied, directly or through others.
  int group(int node, int channel) const;
  int groups() const { return static_cast<int>(parent_.size()); }  // group() is below this

 private:
  void join(int i, int j);
  int root(int i) const;
  std::vector<int> first_;  // of each node's channels, and the end
  mutable std::vector<int> parent_;
};

}  // namespace gsx
