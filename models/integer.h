// The integer program of a quantised graph (DESIGN 5.3): convolutions sum quantised values exactly,
// norms take exact statistics, everything else is one formula per element. Its bits depend on
// nothing but the model and the input. A graph is lowered once; the program then runs as often as
// one likes, and never changes.
#pragma once
#include <variant>

#include "engine/integer.h"
#include "models/graph.h"

namespace gsx {

// A value between two nodes of the program, as observers see it.
struct IntegerValue {
  enum class Kind : uint8_t {
    real,          // tensor f32
    quantized,     // tensor u8, s8 or s16: value = code * scale
    accumulators,  // tensor i32 [N,K,P,Q]: value = fma(sum, scales[k], bias[k])
    line,          // what a norm does; never a node's value
  };
  Kind kind = Kind::real;
  Tensor tensor;
  QuantRange grid;  // quantised values, and real values that lie on such a grid: what they can be
  bool on_grid = false;
  Tensor scales, bias;  // sums: f32, a channel stride of them

  const Shape& shape() const { return tensor.shape(); }
  Tensor real() const;  // the value in f32
};

// Sees the output of every node.
using IntegerObserver = std::function<void(int node, const IntegerValue&)>;

class IntegerProgram {
 public:
  // Quantised values to sums. Statistics of the sums are taken on the way where a norm reads them.
  struct Convolve {
    PrepackedWeights weights;  // undefined: sums of nothing but taps
    QuantizedTaps taps;
    std::function<kernels::ConvShape(const Shape&)> shape;
    bool statistics = false;
  };
  // Sums or real values to a line.
  struct Norm {
    NormSpec spec;
  };
  // Any value to real values, quantised values or both.
  struct Elementwise {
    struct Op {
      PassStep step;
      int line = -1;   // values: of a norm, for its slope, shift and middle
      int other = -1;  // of an addition
    };
    std::vector<Op> ops;
    int line = -1;  // whose integer middle the sums lose
    std::optional<QuantRange> quantizer;
    int reals = -1, quantized = -1;  // values
  };
  // Real values to real values: all other nodes. Those that take quantised values are lowered to
  // quantised values of one grid where only a quantiser reads what they make.
  struct Call {
    std::function<Tensor(std::span<const Tensor>)> run;
    std::function<Shape(std::span<const Shape>)> shape;
    bool takes_quantized = false;
  };
  struct Step {
    std::string name;  // of the node
    int node = 0;
    std::vector<int> reads, writes;  // values
    std::variant<Convolve, Norm, Elementwise, Call> what;
  };

  // xs: the graph's inputs; returns its outputs, real. Images are rounded to the 8-bit values of
  // the graph's input format, which the first convolution reads without loss where [lo, hi] is
  // [-a, a] or [0, a]. by_bands: large sums of convolutions come band by band of rows and are never
  // all there, those that a norm reads twice: fewer bytes, more work, the same bits. Inputs that
  // the caller does not keep are let go when they are not read any more.
  std::vector<Tensor> run(std::vector<Tensor> xs, const IntegerObserver& = {},
                          bool by_bands = false) const;
  // The most bytes that its values, inputs and outputs take at once, for inputs of these shapes.
  double planned_bytes(const std::vector<Shape>& inputs, bool by_bands = false) const;

  const std::vector<Step>& steps() const { return steps_; }

 private:
  friend class Lowering;
  struct Slot;
  void plan();
  IntegerValue seen(int value, const Slot&) const;
  bool goes_by_bands(const Step&, const kernels::ConvShape&) const;
  void run_step(size_t index, std::vector<Slot>& slots, bool by_bands) const;
  void run_elementwise(size_t index, const Elementwise&, std::vector<Slot>& slots) const;
  bool writes_over_sums(size_t index) const;

  std::string architecture_;
  bool fused_ = true;
  std::vector<Step> steps_;
  std::vector<IntegerValue> values_;   // without tensors
  std::vector<int> inputs_, outputs_;  // values
  std::vector<int> node_values_;       // of every node
  std::vector<size_t> last_use_;       // the step after which a value is let go; none: size()
  std::vector<bool> one_pass_;         // of sums: one pass reads them, and norms do
};

// fused: several nodes in one pass over memory where that can be, which changes no bit; else every
// node's value is there for an observer.
IntegerProgram lower(const Graph&, bool fused = true);

}  // namespace gsx
