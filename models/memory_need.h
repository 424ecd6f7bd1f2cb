// How much memory running a network takes, told from shapes before anything is run.
#pragma once
#include "models/graph.h"

namespace gsx {

// About the most bytes that tensors hold at once while graph.evaluate(xs) runs, the inputs and
// results among them, for inputs of these shapes. Parameters and scratch are not counted.
double evaluation_bytes(const Graph& graph, const std::vector<Shape>& inputs);
inline double evaluation_bytes(const Graph& graph, const Shape& input) {
  return evaluation_bytes(graph, std::vector{input});
}

}  // namespace gsx
