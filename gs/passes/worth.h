// How much channels of different layers are worth, so that they can be compared.
#pragma once
#include "gs/passes/budget.h"

namespace gsx {

// The groups' worth (PruneGroup::worth), a tensor each, so that worth * ||v||_2 says what the
// network's output loses with a channel for what the channel costs: the root mean square of dy/dv .
// v, which is how far an output y moves when the channel's scales v shrink to nothing, to first
// order, over the square root of what channels of its group cost (channel_costs). Of all sets of
// channels that save the same, those of least worth then move the output least, as far as channels
// are independent.
//
// It is taken as the network stands, over random projections of its first output for some inputs,
// each a list as Graph::run takes it. The mean of worth * ||v||_2 over all channels is that of
// ||v||_2. Channels whose scales are 0 or reach no output come to the least worth; where none moves
// the output, all are worth 1. Error where gradients are not finite.
std::vector<Tensor> measure_worth(const Graph&, const std::vector<PruneGroup>&, const Budget&,
                                  const std::vector<std::vector<Tensor>>& inputs, Rng&);

// The mean square of how far each value of the first output moves when a channel's scales shrink to
// nothing, to first order, for each channel, group after group. Inputs are of one size.
std::vector<double> channel_movements(const Graph&, const std::vector<PruneGroup>&,
                                      const std::vector<std::vector<Tensor>>& inputs, Rng&);

}  // namespace gsx
