// A convolution or linear layer as files of others hold it: what gsx keeps apart is put together,
// its numbers are in PyTorch's order, which is ONNX's too.
#pragma once
#include <algorithm>
#include <string>
#include <vector>

#include "models/graph.h"

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

// Error where a network is to be written whose parameters have no values.
void check_has_values(const Graph&);

// Of a node with a weight that has values.
ExportedLayer read_layer(const Node&);
// Rounds what is added per tap to the steps of the sums, as the integer program does, of a layer
// that reads quantised values of this step.
void round_taps(ExportedLayer&, float input_scale);
// A parameter's values; empty where the node has none of that role.
std::vector<float> parameter_values(const Node&, Role);

// Where a convolution's filter is laid over images; lists hold [along rows, along columns].
struct LayerGeometry {
  std::vector<int64_t> kernel, stride, dilation;
  Padding pad;
  bool same = false;  // TensorFlow's SAME: `pad` says nothing
  bool transposed = false;
  std::string pad_mode;  // "zero", "reflect", "replicate"

  bool strided() const { return stride[0] != 1 || stride[1] != 1; }
  bool dilated() const { return dilation[0] != 1 || dilation[1] != 1; }
};
LayerGeometry geometry_of(const ExportedLayer&);

// Filters [K, c, ...] of `taps` positions each, c of them per group, to [c * groups, K/groups,
// ...], group by group: between convolutions and transposed ones.
template <class T>
std::vector<T> for_transposed(const std::vector<T>& values, int64_t k, int64_t c, int64_t taps,
                              int64_t groups) {
  std::vector<T> result(values.size());
  const int64_t a = k / groups, b = c;
  for (int64_t g = 0; g < groups; ++g)
    for (int64_t i = 0; i < a; ++i)
      for (int64_t j = 0; j < b; ++j)
        std::copy_n(&values[static_cast<size_t>(((g * a + i) * b + j) * taps)], taps,
                    &result[static_cast<size_t>(((g * b + j) * a + i) * taps)]);
  return result;
}

}  // namespace gsx
