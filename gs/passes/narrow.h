// The baseline's network: a teacher's architecture with fewer channels everywhere.
#pragma once
#include "gs/passes/budget.h"
#include "gs/passes/quantize.h"

namespace gsx {

// Channels that the first convolution makes: what the architectures call their width.
int network_width(const Graph&);

// The width of the paper's narrow students where no budget asks for another: half the teacher's, of
// CartoonGAN a sixth (PAPER.md 4.1); at least 1.
double paper_width(const Graph& teacher);

// Of an architecture that gsx builds by name it is that of this width; of others the teacher with
// as much fewer channels everywhere (fewer_channels.h), and no wider. Without weights.
Graph narrow_network(const Graph& teacher, double width);
// The same with fresh weights.
Graph fresh_narrow_network(const Graph& teacher, double width, const ContextPtr&, Rng&);

// What it costs in the budget's unit; a file's size with quantisers where `quantize` is not null.
double narrow_cost(const Graph& teacher, double width, const Budget&,
                   const QuantizeOptions* quantize);

// The narrowest that there is: 1 of an architecture that gsx builds by name, else a quarter, where
// the layers behind the first keep their share of the teacher's and one channel at least.
double least_width(const Graph& teacher);

// The largest width, in quarters and up to the teacher's, whose network meets the budget;
// least_width where even a wider one would not.
double width_within(const Graph& teacher, const Budget&, const QuantizeOptions* quantize);

}  // namespace gsx
