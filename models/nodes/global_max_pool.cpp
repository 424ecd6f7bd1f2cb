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
  // Windows of windows, as large as max_pool has them, whose edges repeat to fill the last.
  Tensor run(std::span<const Tensor> in, const RunOptions&) const override {
    constexpr int64_t kLargest = 16;
    Tensor x = in[0];
    while (x.dim(2) > 1 || x.dim(3) > 1) {
      const int64_t side = std::min(kLargest, std::max(x.dim(2), x.dim(3)));
      const auto rest = [&](int64_t n) { return static_cast<int>((side - n % side) % side); };
      const Padding fill{0, rest(x.dim(2)), 0, rest(x.dim(3))};
      if (fill != Padding{}) x = pad2d(x, fill, PadMode::replicate);
      x = max_pool(x, {static_cast<int>(side), static_cast<int>(side)});
    }
    return x;
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
