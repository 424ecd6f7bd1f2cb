// prelu: x where it is not negative, below a trained slope times x, of each channel or of all.
#include "models/nodes/common.h"

namespace gsx {
namespace nodes {
namespace {

class Prelu : public Node {
 public:
  Prelu(std::string n, std::vector<int> input_nodes, int slopes) {
    name = std::move(n);
    inputs = std::move(input_nodes);
    slope_ = {name + ".weight", Role::slope, Shape{slopes}, {}, false};
  }
  std::string_view kind() const override { return "prelu"; }
  NodePtr clone() const override { return cloned(*this); }
  Json attributes() const override { return {{"slopes", slope_.shape[0]}}; }
  std::vector<Parameter*> parameters() override { return {&slope_}; }
  Shape infer_shape(std::span<const Shape> in) const override {
    const Shape& x = only_input(*this, in);
    const bool fits =
        (x.rank() == 2 || x.rank() == 4) && (slope_.shape[0] == 1 || slope_.shape[0] == x[1]);
    GSX_CHECK(fits, "prelu: node ", name, " has slopes for ", slope_.shape[0],
              " channels, got shape ", x);
    return x;
  }
  Tensor run(std::span<const Tensor> in, const RunOptions&) const override {
    return prelu(in[0], slope_.value);
  }
  std::optional<float> constant(int c, std::span<const std::optional<float>> in,
                                bool) const override {
    if (!in[0] || *in[0] >= 0) return in[0];
    if (!slope_.value.defined()) return std::nullopt;
    return slope_.value.at(slope_.shape[0] == 1 ? 0 : c) * *in[0];
  }
  void cut(const ChannelCut& cut) override {
    if (slope_.shape[0] > 1) keep_channels(slope_, cut.keep_output);
  }

 private:
  Parameter slope_;
};

}  // namespace

NodePtr prelu_from(std::string name, std::vector<int> inputs, const Json& json) {
  const int slopes = Attributes(name, json).integer("slopes", 1, kMaxChannels);
  return std::make_unique<Prelu>(std::move(name), std::move(inputs), slopes);
}

}  // namespace nodes

NodePtr make_prelu(std::string name, int input, int slopes) {
  return std::make_unique<nodes::Prelu>(std::move(name), std::vector{input}, slopes);
}

}  // namespace gsx
