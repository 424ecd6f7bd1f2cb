// activation: relu, leaky_relu, tanh, sigmoid.
#include "kernels/scalar.h"
#include "models/nodes/common.h"

namespace gsx {
namespace nodes {
namespace {

constexpr std::initializer_list<const char*> kFunctions = {"none", "relu", "leaky_relu", "tanh",
                                                           "sigmoid"};

class ActivationNode : public Node {
 public:
  ActivationNode(std::string n, std::vector<int> input_nodes, Activation function, float slope)
      : function_(function), slope_(slope) {
    name = std::move(n);
    inputs = std::move(input_nodes);
  }
  std::string_view kind() const override { return "activation"; }
  NodePtr clone() const override { return cloned(*this); }
  Json attributes() const override {
    return {{"function", name_of(kFunctions, function_)}, {"slope", shortest(slope_)}};
  }
  Shape infer_shape(std::span<const Shape> in) const override { return only_input(*this, in); }
  Tensor run(std::span<const Tensor> in, const RunOptions&) const override {
    return activate(in[0], function_, slope_);
  }
  int lower(Lowering& to, std::span<const int> in) const override {
    return to.activate(in[0], function_, slope_);
  }

  std::optional<float> constant(int, std::span<const std::optional<float>> in,
                                bool) const override {
    if (!in[0]) return std::nullopt;
    using kernels::scalar::activate;
    switch (function_) {
      case Activation::relu: return activate<Activation::relu>(*in[0], slope_);
      case Activation::leaky_relu: return activate<Activation::leaky_relu>(*in[0], slope_);
      case Activation::tanh: return activate<Activation::tanh>(*in[0], slope_);
      case Activation::sigmoid: return activate<Activation::sigmoid>(*in[0], slope_);
      default: return *in[0];
    }
  }

  bool append_to(NormOptions& tail) const override {
    if (tail.activation != Activation::none || tail.quantize) return false;
    tail.activation = function_;
    tail.slope = slope_;
    return true;
  }

 private:
  Activation function_;
  float slope_;
};

}  // namespace

NodePtr activation_from(std::string name, std::vector<int> inputs, const Json& json) {
  const Attributes a(name, json);
  const auto function = static_cast<Activation>(a.choice("function", kFunctions));
  return std::make_unique<ActivationNode>(name, std::move(inputs), function, a.number("slope"));
}

}  // namespace nodes

NodePtr make_activation(std::string name, int input, Activation function, float slope) {
  return std::make_unique<nodes::ActivationNode>(std::move(name), std::vector{input}, function,
                                                 slope);
}

}  // namespace gsx
