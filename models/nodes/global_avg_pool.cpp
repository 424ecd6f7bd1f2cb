// global_avg_pool: the mean of each channel, [N,C,H,W] -> [N,C,1,1].
#include "models/nodes/common.h"

namespace gsx {
namespace nodes {
namespace {

class GlobalAvgPool : public Node {
 public:
  GlobalAvgPool(std::string n, std::vector<int> input_nodes) {
    name = std::move(n);
    inputs = std::move(input_nodes);
  }
  std::string_view kind() const override { return "global_avg_pool"; }
  NodePtr clone() const override { return cloned(*this); }
  Shape infer_shape(std::span<const Shape> in) const override {
    const Shape& x = only_input(*this, in, 4);
    return {x[0], x[1], 1, 1};
  }
  Tensor run(std::span<const Tensor> in, const RunOptions&) const override {
    return global_avg_pool(in[0]);
  }
  std::optional<float> constant(int, std::span<const std::optional<float>> in,
                                bool) const override {
    return in[0];
  }
};

}  // namespace

NodePtr global_avg_pool_from(std::string name, std::vector<int> inputs, const Json&) {
  return std::make_unique<GlobalAvgPool>(std::move(name), std::move(inputs));
}

}  // namespace nodes

NodePtr make_global_avg_pool(std::string name, int input) {
  return std::make_unique<nodes::GlobalAvgPool>(std::move(name), std::vector{input});
}

}  // namespace gsx
