// What nodes say to lower themselves (Node::lower): each asks for steps on values of its inputs
// and returns the value it makes. Values are numbers; steps that follow each other pixel by pixel
// become one pass.
#pragma once
#include <map>

#include "models/integer.h"

namespace gsx {

class Lowering {
 public:
  Lowering(const Graph&, bool fused);
  IntegerProgram take();
  const ContextPtr& context() const { return context_; }  // of the graph's parameters

  // Whether quantised values can be had of a value without loss.
  bool has_quantized(int value) const { return info(value).on_grid; }
  const QuantRange& grid(int value) const { return info(value).grid; }
  int quantized_of(int value);  // where has_quantized()
  int real_of(int value);

  // Sums of quantised values times weights. scales, bias: of the sums, per output channel; bias may
  // be empty.
  int convolve(int quantized, IntegerProgram::Convolve, const std::vector<float>& scales,
               const std::vector<float>& bias);
  int norm(int value, const NormSpec&);
  int activate(int value, Activation, float slope);
  int affine(int value, float scale, float shift);
  int affine(int value, const std::vector<float>& scale, const std::vector<float>& shift);
  int add(int a, int b);
  int quantize(int value, const QuantRange&);
  // Real values by a function of real values; moves_values as Node says.
  int call(std::span<const int> values, IntegerProgram::Call, bool moves_values = false);
  // The same of a node that copies values and zeros: its run() takes quantised values as well.
  int move(std::span<const int> values, const Node&);

 private:
  using Value = IntegerValue;
  using Step = IntegerProgram::Step;
  using Elementwise = IntegerProgram::Elementwise;

  const Value& info(int value) const { return program_.values_.at(static_cast<size_t>(value)); }
  int make(Value);
  int given();
  Step& push(std::vector<int> reads, decltype(Step::what) what);
  Elementwise* chain_of(int value);
  bool extendable(int value);
  int apply(int value, Elementwise::Op op);
  int elementwise(int value, std::vector<Elementwise::Op> ops);
  int move_quantized(int value, const QuantRange&);
  void drop_unread();

  const Graph& graph_;
  const bool fused_;
  const ContextPtr context_;
  int node_ = 0;  // being lowered
  IntegerProgram program_;
  std::vector<int> maker_;               // step of every value; -1: an input
  std::vector<int> readers_;             // nodes that read a value
  std::map<int, int> real_, quantized_;  // conversions that are there already
};

}  // namespace gsx
