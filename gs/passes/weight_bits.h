// Which layers of a network get by with 4-bit weights, under a budget of bytes.
#pragma once
#include "gs/passes/budget.h"

namespace gsx {

// Gives some layers of a network with 8-bit weights 4-bit ones; returns their nodes. Bytes can be
// saved by rounding a layer more coarsely or by pruning channels: what either moves the output by
// (Sensitivity's mean square; channel_movements) for each byte saved is its price. Layers become
// coarse in the order of their prices as long as the next one is below twice the price of the last
// channel that would have to be pruned instead, to meet the budget: training regains more of what
// rounding loses. None where it is met without pruning. Error where the budget is none of bytes.
// Inputs are of one size.
std::vector<int> choose_weight_bits(Graph&, const std::vector<PruneGroup>&, const Budget&,
                                    const std::vector<std::vector<Tensor>>& inputs, Rng&);

}  // namespace gsx
