// The integer program of a quantised graph (DESIGN 5.3): convolutions sum codes exactly, instance
// norms take exact statistics of the sums, everything else is elementwise float. Its bits depend on
// nothing but the model and the input.
#pragma once
#include "kernels/conv.h"
#include "models/graph.h"

namespace gsx {

// A value between two nodes of the program.
struct IntegerValue {
  enum class Kind : uint8_t {
    real,   // tensor f32
    codes,  // tensor s16: value = code * scale
    sums,   // tensor i32 [N,K,P,Q] or [N,K]: value = fma(sum, scales[k], bias[k])
  };
  Kind kind = Kind::real;
  Tensor tensor;
  float scale = 1;
  kernels::CodeRange range;  // codes: what they can be
  Tensor scales;             // sums: f32 [K]
  Tensor bias;               // sums: f32 [K] or undefined

  static IntegerValue of(Tensor real);
  const Shape& shape() const { return tensor.shape(); }
  Tensor real() const;  // the value in f32
};

// Sees the output of every node.
using IntegerObserver = std::function<void(int node, const IntegerValue&)>;

// xs: the graph's inputs, real; gives its outputs. A picture as first input is rounded to the 8-bit
// values of the graph's input format, which the first convolution reads without loss where [lo, hi]
// is [-a, a] or [0, a].
std::vector<Tensor> run_integer(const Graph&, const std::vector<Tensor>& xs,
                                const IntegerObserver& = {});

}  // namespace gsx
