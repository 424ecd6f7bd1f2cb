// The size of a network's weights, from which learning rates are derived.
#pragma once
#include "models/graph.h"

namespace gsx {

// The root mean square of a layer's weights, of the median layer. What is wholly zero counts for
// nothing: filters, the channels they would read, layers. Error where everything is.
float weight_size(const Graph&);

}  // namespace gsx
