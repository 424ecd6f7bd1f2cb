// How much memory running a network takes, told from shapes before anything is run.
#pragma once
#include "models/graph.h"

namespace gsx {

// The most bytes that tensors hold at once while graph.evaluate(xs) runs, the inputs and results
// among them, for inputs of these shapes; never too few and at most a tenth too many. Parameters
// and scratch are not counted.
double evaluation_bytes(const Graph& graph, const std::vector<Shape>& inputs);
inline double evaluation_bytes(const Graph& graph, const Shape& input) {
  return evaluation_bytes(graph, std::vector{input});
}

// The most scratch that evaluating takes on the processor, at any size of images.
double scratch_bytes(const Graph& graph, int threads);
// What its context keeps of the graph's filters once it was evaluated
// (ContextOptions::prepack_weights).
double kept_filter_bytes(const Graph& graph);

}  // namespace gsx
