// round_to_grid: values on the grid of another's quantised file, step * clamp(round(x / step), lo,
// hi), half to even. It only keeps what that file computes; the quantisers of gsx are `quantize`.
#include "models/nodes/common.h"

namespace gsx {
namespace nodes {
namespace {

constexpr int kMostLevels = 1 << 20;

class RoundToGrid : public Node {
 public:
  RoundToGrid(std::string n, std::vector<int> input_nodes, float step, int lo, int hi)
      : step_(step), lo_(lo), hi_(hi) {
    name = std::move(n);
    inputs = std::move(input_nodes);
  }
  std::string_view kind() const override { return "round_to_grid"; }
  NodePtr clone() const override { return cloned(*this); }
  Json attributes() const override { return {{"step", shortest(step_)}, {"lo", lo_}, {"hi", hi_}}; }
  Shape infer_shape(std::span<const Shape> in) const override { return only_input(*this, in); }
  Tensor run(std::span<const Tensor> in, const RunOptions&) const override {
    // A true quotient: 16-bit grids are too fine for a product with 1 / step.
    const Tensor& x = in[0];
    const Tensor levels = div(x, Tensor::full(x.context(), {}, step_));
    return affine(fake_quantize(levels, range()), step_, 0);
  }
  std::optional<float> constant(int, std::span<const std::optional<float>> in,
                                bool) const override {
    if (!in[0]) return std::nullopt;
    const float level = std::nearbyint(*in[0] / step_);
    return step_ * std::clamp(level, static_cast<float>(lo_), static_cast<float>(hi_));
  }

 private:
  QuantRange range() const {
    return {1, lo_, hi_, static_cast<float>(lo_), static_cast<float>(hi_)};
  }

  float step_;
  int lo_, hi_;
};

}  // namespace

NodePtr round_to_grid_from(std::string name, std::vector<int> inputs, const Json& json) {
  const Attributes a(name, json);
  const float step = a.positive("step");
  const int lo = a.integer("lo", -kMostLevels, kMostLevels);
  return std::make_unique<RoundToGrid>(name, std::move(inputs), step, lo,
                                       a.integer("hi", lo, kMostLevels));
}

}  // namespace nodes
}  // namespace gsx
