// Which channels can be pruned, and together with which others: works on any DAG.
#pragma once
#include "models/graph.h"

namespace gsx {

// Channels tied over one or several norms by residual adds and the like. A group is prunable when
// every gamma on it is trainable, everything a convolution would read of it is constant once
// those scales are zero, and it reaches no input or output of the network. A convolution with an
// inserted scale (insert_scales.h) counts as a norm.
struct PruneGroup {
  struct Norm {
    int node;                   // index of the norm node
    std::vector<int> channels;  // its channels, aligned with the other norms of the group
  };
  std::vector<Norm> norms;
  // What the length of a channel's scales counts times where channels are compared: [C], above 0;
  // undefined: once (worth.h).
  Tensor worth;
  int channels() const { return static_cast<int>(norms.front().channels.size()); }
};

// Whose scales channels are pruned by: those that norms of the network have, inserted ones, or any.
enum class PruneBy : uint8_t { norm, inserted, both };
inline constexpr const char* kPruneByNames[] = {"norm", "inserted", "both"};
// Error for another name.
PruneBy prune_by_named(const std::string&);

// The groups all of whose scales are such.
std::vector<PruneGroup> prune_groups(const Graph&, PruneBy = PruneBy::both);

// Whether the group consists of all channels of its norms, so that its scales are whole tensors.
bool has_whole_norms(const Graph&, const PruneGroup&);

// The proximal step of Eqs. 13-14: |gamma| shrinks by `threshold`; for a group tied over several
// norms every channel's vector of scales v becomes v * max(0, 1 - threshold / ||v||_2). Where
// channels have a worth, it divides their threshold. In place, and for whole norms on their device.
void prox_groups(Graph&, const std::vector<PruneGroup>&, float threshold);

// Sum over groups and channels of ||v||_2: the L1 term of Eq. 4.
double sparsity_norm(const Graph&, const std::vector<PruneGroup>&);

// ||v||_2 of every channel of every group, in their order.
std::vector<double> channel_scales(const Graph&, const std::vector<PruneGroup>&);
// Which channels are alive, group after group.
std::vector<bool> kept_channels(const Graph&, const std::vector<PruneGroup>&);
// Sets the scales of the others to zero.
void drop_channels(Graph&, const std::vector<PruneGroup>&, const std::vector<bool>& kept);

struct ChannelCount {
  int kept = 0, total = 0;
};
ChannelCount count_kept(const Graph&, const std::vector<PruneGroup>&);

}  // namespace gsx
