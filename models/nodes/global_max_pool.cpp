// global_max_pool: the largest value of each channel, [N,C,H,W] -> [N,C,1,1].
#include "models/nodes/common.h"

namespace gsx {
namespace nodes {
namespace {

class GlobalMaxPool : public Node {
 public:
  GlobalMaxPool(std::string n, std::vector<int> input_nodes) {
    name = std::move(n);
    inputs = std::move(input_nodes);
  }
  std::string_view kind() const override { return "global_max_pool"; }
  NodePtr clone() const override { return cloned(*this); }
  bool moves_values() const override { return true; }
  Shape infer_shape(std::span<const Shape> in) const override {
    const Shape& x = only_input(*this, in, 4);
    return {x[0], x[1], 1, 1};
  }
  // One square window over all of the image, whose edges repeat to fill it.
  Tensor run(std::span<const Tensor> in, const RunOptions&) const override {
    const int h = static_cast<int>(in[0].dim(2)), w = static_cast<int>(in[0].dim(3));
    const int side = std::max(h, w);
    const Padding rest{0, side - h, 0, side - w};
    const Tensor x = h == w ? in[0] : pad2d(in[0], rest, PadMode::replicate);
    return max_pool(x, {side, side});
  }
  std::optional<float> constant(int, std::span<const std::optional<float>> in,
                                bool) const override {
    return in[0];
  }
};

}  // namespace

NodePtr global_max_pool_from(std::string name, std::vector<int> inputs, const Json&) {
  return std::make_unique<GlobalMaxPool>(std::move(name), std::move(inputs));
}

}  // namespace nodes
}  // namespace gsx
