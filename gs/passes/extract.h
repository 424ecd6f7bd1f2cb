// Extraction: removes the channels whose gammas are zero without changing the function the
// network computes (DESIGN 5.4, PAPER.md 3.2-3.3).
#pragma once
#include "gs/passes/channels.h"

namespace gsx {

// A new graph without the dead channels, and without biases that instance norms cancel. What a dead
// channel is worth (a constant) is folded into tap biases or biases of its readers; residual
// branches with nothing left become an identity, a shift or a tap-bias convolution, whichever is
// exact. Weight scales of quantised layers are carried over.
Graph extract(const Graph&);

}  // namespace gsx
