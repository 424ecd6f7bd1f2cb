// input: an image [N,C,H,W] or vector [N,C] that a network is given.
#include "models/nodes/common.h"

namespace gsx {
namespace nodes {
namespace {

class Input : public Node {
 public:
  Input(std::string n, int channels, bool vector) : channels_(channels), vector_(vector) {
    name = std::move(n);
  }
  std::string_view kind() const override { return "input"; }
  NodePtr clone() const override { return cloned(*this); }
  Json attributes() const override { return {{"channels", channels_}, {"vector", vector_}}; }
  bool is_input() const override { return true; }
  bool makes_channels() const override { return true; }
  std::vector<ChannelSource> sources(int, std::span<const Shape>) const override { return {}; }

  // `in`: the shape of what the network is given.
  Shape infer_shape(std::span<const Shape> in) const override {
    const Shape& x = only_input(*this, in, vector_ ? 2 : 4);
    GSX_CHECK(x[1] == channels_, "input: this network takes ", channels_, " channels as ", name,
              ", got shape ", x);
    GSX_CHECK(x.numel() > 0, "input: ", name, " must not be empty, got shape ", x);
    return x;
  }
  Tensor run(std::span<const Tensor> in, const RunOptions&) const override { return in[0]; }

 private:
  int channels_;
  bool vector_;
};

}  // namespace

NodePtr input_from(std::string name, std::vector<int> inputs, const Json& json) {
  const Attributes a(name, json);
  auto node =
      std::make_unique<Input>(name, a.integer("channels", 1, kMaxChannels), a.boolean("vector"));
  node->inputs = std::move(inputs);
  return node;
}

}  // namespace nodes

NodePtr make_input(std::string name, int channels) {
  return std::make_unique<nodes::Input>(std::move(name), channels, false);
}
NodePtr make_vector_input(std::string name, int features) {
  return std::make_unique<nodes::Input>(std::move(name), features, true);
}

}  // namespace gsx
