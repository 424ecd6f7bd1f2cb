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

// Of a quantised graph: graph.evaluate(xs) in less memory and the same bits, for more work, which
// is large sums of convolutions made band by band of rows; and what it takes, as above, where the
// caller keeps no input.
std::vector<Tensor> evaluate_by_bands(const Graph& graph, std::vector<Tensor> xs);
double bytes_by_bands(const Graph& graph, const std::vector<Shape>& inputs);

// The most scratch that evaluating takes on the processor, at any size of images.
double scratch_bytes(const Graph& graph, int threads);
// What its context keeps of the graph's filters once it was evaluated
// (ContextOptions::prepack_weights).
double kept_filter_bytes(const Graph& graph);

}  // namespace gsx
