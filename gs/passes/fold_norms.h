// Batch norms in the convolutions in front of them.
#pragma once
#include "models/graph.h"

namespace gsx {

// Once training is over, a batch norm is a scale and a shift per channel: those that alone read a
// convolution or linear layer are folded into its filters and biases and go. What the network
// computes stays to rounding; quantised weights keep their values, with other steps. Stay: norms
// behind sums, and behind weights of a single step for all channels, which would be rounded anew.
// Returns how many went.
int fold_norms(Graph&);

}  // namespace gsx
