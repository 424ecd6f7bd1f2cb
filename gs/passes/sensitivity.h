// How far a network's output moves with a change of one of its layers.
#pragma once
#include <functional>

#include "models/graph.h"

namespace gsx {

// Two first outputs of a network for the same inputs, the one of before first; nothing is recorded
// for gradients.
using OutputDistance = std::function<double(const Tensor& before, const Tensor& after)>;
// The mean over all values of their squared difference.
double mean_square_difference(const Tensor& before, const Tensor& after);

// Measures variants of a network against it, on some inputs.
class Sensitivity {
 public:
  // Each of `inputs` is a list as Graph::run takes it. Error where there is none.
  Sensitivity(const Graph&, std::vector<std::vector<Tensor>> inputs, OutputDistance);
  // The mean distance over all inputs.
  double of(const Graph& variant) const;

 private:
  std::vector<std::vector<Tensor>> inputs_;
  std::vector<Tensor> outputs_;  // the network's own
  OutputDistance distance_;
};

// Nodes whose weight can be rounded: those that have one.
std::vector<int> layers_with_weights(const Graph&);
// Gives the weight of a node so many bits, 8 or 4; on the grid that it has, else the usual one.
void set_weight_bits(Graph&, int node, int bits);

}  // namespace gsx
