// Prunes to a budget: a size of the file or a cost of one image.
#pragma once
#include <optional>

#include "gs/passes/channels.h"
#include "gs/passes/quantize.h"

namespace gsx {

// Sets to exactly zero the scales of the prunable channels that are worth least until the extracted
// network meets the budget; returns the figure reached. An unreachable budget is an Error that says
// what the floor is, or is pruned to the floor where that will do: a little of it depends on which
// channels are worth most, and so on the training.
struct Budget {
  enum class Kind : uint8_t { none, macs, bytes } kind = Kind::none;
  double target = 0;  // true MACs of one image of shape `input`, or bytes of the model file
  Shape input;        // [1,C,H,W]
  // Of a budget of bytes: how many MACs may be left besides; 0: any. Its costs are then bytes or,
  // if that is more, the MACs as part of these MACs, times the target.
  double most_macs = 0;
  // How weights are going to be quantised before the file is written, where they are not yet.
  std::optional<QuantizeOptions> stored = {};
};
// What a network costs as it stands, in the budget's unit.
double cost_of(const Graph&, const Budget&);
// The budgets of one unit each that a budget is made of; empty: it is none.
std::vector<Budget> parts_of(const Budget&);
// A channel is worth ||v||_2 of its scales, times what its group says.
double prune_to_budget(Graph&, const std::vector<PruneGroup>&, const Budget&,
                       bool floor_will_do = false);
// The channels of least worth instead, told by a number for each, group after group; to the floor
// where the budget is beyond it.
double prune_to_budget(Graph&, const std::vector<PruneGroup>&, const Budget&,
                       const std::vector<double>& worth);
// Of each group what a channel costs by counts, in the budget's unit (bytes, where there is none):
// the mean over the first half of its channels, at least 1. Where bytes and MACs have targets, what
// a channel saves counts as part of all that either has to save.
std::vector<double> channel_costs(const Graph&, const std::vector<PruneGroup>&, const Budget&);
// The floor, in the budget's unit; its target does not matter.
double least_cost(const Graph&, const std::vector<PruneGroup>&, const Budget&);

}  // namespace gsx
