// Union-find over the channels of a graph.
#include "models/channels.h"

namespace gsx {

ChannelTies::ChannelTies(const Graph& graph, const std::vector<Shape>& shapes) {
  first_.push_back(0);
  for (int i = 0; i < graph.size(); ++i) {
    first_.push_back(first_.back() + static_cast<int>(shapes[i][1]));
  }
  for (int i = 0; i < first_.back(); ++i) parent_.push_back(i);
  for (int i = 0; i < graph.size(); ++i) {
    std::vector<Shape> in;
    for (const int j : graph.node(i).inputs) in.push_back(shapes[j]);
    for (int c = 0; c < channels(i); ++c) {
      for (const ChannelSource& s : graph.node(i).sources(c, in)) {
        join(first_[i] + c, first_[graph.node(i).inputs[s.input]] + s.channel);
      }
      join(first_[i] + c, first_[i] + graph.node(i).alike_output(c));
    }
    if (in.empty()) continue;
    const int from = graph.node(i).inputs[0];
    for (int c = 0; c < channels(from); ++c)
      join(first_[from] + c, first_[from] + graph.node(i).alike_input(c));
  }
}

void ChannelTies::join(int i, int j) {
  const int a = root(i), b = root(j);
  parent_[std::max(a, b)] = std::min(a, b);
}

int ChannelTies::root(int i) const {
  while (parent_[i] != i) i = parent_[i] = parent_[parent_[i]];
  return i;
}

int ChannelTies::group(int node, int channel) const { return root(first_[node] + channel); }

}  // namespace gsx
