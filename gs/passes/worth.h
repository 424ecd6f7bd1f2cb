// What pruned channels would be missed for: a measure by which channels of different layers compare.
#pragma once
#include "gs/passes/budget.h"

namespace gsx {

// Sets the groups' worth so that worth * ||v||_2 says how far the network's output moves when a
// channel goes, for what it costs: sqrt(mean over outputs of (dy/dv . v)^2) / sqrt(cost saved), to
// first order and as the network stands, over random projections of the output for the images (each
// [1,...] in the network's input format). The mean of worth * ||v||_2 is that of ||v||_2. Channels
// without a gradient get the least worth there is.
void measure_worth(const Graph&, std::vector<PruneGroup>&, const Budget&, const std::vector<Tensor>& images,
                   Rng&);
// What the budget's cost loses with one channel of each group, by counts.
std::vector<double> channel_costs(const Graph&, const std::vector<PruneGroup>&, const Budget&);

}  // namespace gsx
