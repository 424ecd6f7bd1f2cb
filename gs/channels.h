// Which channels can be pruned, and together with which others: works on any DAG.
#pragma once
#include "models/graph.h"

namespace gsx {

// Channels tied over one or several norms by residual adds and the like. A group is prunable when
// every norm scale on it is trainable, everything a convolution would read of it is constant once
// those scales are zero, and it reaches no input or output of the network.
struct PruneGroup {
  struct Norm {
    int node;                   // index of the norm node
    std::vector<int> channels;  // its channels, aligned with the other norms of the group
  };
  std::vector<Norm> norms;
  int channels() const { return static_cast<int>(norms.front().channels.size()); }
};

std::vector<PruneGroup> prune_groups(const Graph&);

// Whether the group consists of all channels of its norms, so that its scales are whole tensors.
bool has_whole_norms(const Graph&, const PruneGroup&);

// The proximal step of Eqs. 13-14: |gamma| shrinks by `threshold`; for a group tied over several
// norms every channel's vector of scales v becomes v * max(0, 1 - threshold / ||v||_2). In place,
// and for whole norms on their device.
void prox_groups(Graph&, const std::vector<PruneGroup>&, float threshold);

// Sum over groups and channels of ||v||_2: the L1 term of Eq. 4.
double sparsity_norm(const Graph&, const std::vector<PruneGroup>&);

struct ChannelCount {
  int kept = 0, total = 0;
};
ChannelCount count_kept(const Graph&, const std::vector<PruneGroup>&);

// Sets to exactly zero the scales of the prunable channels that are worth least until the extracted
// network meets the budget; returns the figure reached. An unreachable budget is an Error that says
// what the floor is, or is pruned to the floor where that will do: a little of it depends on which
// channels are worth most, and so on the training.
struct Budget {
  enum class Kind : uint8_t { none, macs, bytes } kind = Kind::none;
  double target = 0;  // true MACs of one image of shape `input`, or bytes of the model file
  Shape input;        // [1,C,H,W]
};
double prune_to_budget(Graph&, const std::vector<PruneGroup>&, const Budget&,
                       bool floor_will_do = false);
// The floor, in the budget's unit; its target does not matter.
double least_cost(const Graph&, const std::vector<PruneGroup>&, const Budget&);

}  // namespace gsx
