// A convolution or linear layer as files of others hold it: what gsx keeps apart is put together,
// its numbers are in PyTorch's order, which is ONNX's too.
#pragma once
#include <vector>

#include "models/node.h"

namespace gsx {

struct ExportedLayer {
  Json about;                  // the node's attributes
  std::vector<float> weight;   // real: of 8-bit layers, quantised values times steps
  std::vector<int64_t> shape;  // [K,C/groups,R,S], transposed [C,K/groups,R,S], linear [O,F]
  std::vector<float> scales;   // per output channel; empty: not quantised
  std::vector<int> levels;     // quantised values, in the order of `weight`
  std::vector<float> bias;     // of the sums, [K]
  std::vector<float> plane;    // [K,1,R,S] of what is added per tap inside; or empty
  int out = 0, groups = 1;
  bool transposed = false;
  bool constant = false;  // it has lost all that it read: bias and plane are all there is
};

// Of a node with a weight that has values.
ExportedLayer read_layer(const Node&);
// Rounds what is added per tap to the steps of the sums, as the integer program does, of a layer
// that reads quantised values of this step.
void round_taps(ExportedLayer&, float input_scale);
// A parameter's values; empty where the node has none of that role.
std::vector<float> parameter_values(const Node&, Role);
// [along rows, along columns] of an attribute that is one number for both, or two.
std::vector<int64_t> both_axes(const Json&);

}  // namespace gsx
