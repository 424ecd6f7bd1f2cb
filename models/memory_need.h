// How much memory running a network takes, told from shapes before anything is run.
#pragma once
#include "models/graph.h"

namespace gsx {

// About the most bytes that tensors hold at once while graph.evaluate(x) runs, x's own and the
// result's among them, for x of this shape. Parameters and scratch are not counted.
double evaluation_bytes(const Graph& graph, const Shape& input);

}  // namespace gsx
