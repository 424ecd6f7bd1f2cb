// Random graphs for the tests of the passes and for fuzzing: whatever layers come in whatever
// order.
#pragma once
#include <functional>

#include "engine/random.h"
#include "models/graph.h"

namespace gsx::test {

struct RandomGraphOptions {
  Shape image;  // of every input; 3 channels, at least 5 pixels high and wide
  int layers = 9;
  int inputs = 1;
  bool general = false;  // grouped and depthwise convolutions and unequal axes among the layers
};

// A number from 0 to n - 1: every choice is made by one.
using Pick = std::function<int(int n)>;

// A graph without values: convolutions of most kinds, norms, activations, sums, joined branches,
// pools, pads and resampling. With two inputs it has two outputs.
Graph random_graph(const Pick& pick, const RandomGraphOptions& options);

// Sets scales to zero: whole groups, single channels of groups, and single scales wherever they
// are.
void mask_at_random(Graph& graph, Rng& rng);

}  // namespace gsx::test
