// reduce_mean: the mean over channels, rows, columns or several of them, which become 1. A mean
// over channels takes all of them: they stay.
#include "models/nodes/common.h"

namespace gsx {
namespace nodes {
namespace {

class ReduceMean : public Node {
 public:
  ReduceMean(std::string n, std::vector<int> input_nodes, std::vector<int> axes)
      : axes_(std::move(axes)) {
    name = std::move(n);
    inputs = std::move(input_nodes);
  }
  std::string_view kind() const override { return "reduce_mean"; }
  NodePtr clone() const override { return cloned(*this); }
  Json attributes() const override { return {{"axes", axes_}}; }
  Shape infer_shape(std::span<const Shape> in) const override {
    const Shape& x = only_input(*this, in);
    GSX_CHECK(axes_.back() < x.rank(), "reduce_mean: node ", name,
              " takes the mean over dimension ", axes_.back(), ", got shape ", x);
    std::vector<int64_t> dims(x.begin(), x.end());
    for (const int axis : axes_) dims[axis] = 1;
    return Shape(dims.begin(), dims.end());
  }
  Tensor run(std::span<const Tensor> in, const RunOptions&) const override {
    return reduce_mean(in[0], axes_);
  }
  bool pins_input(int, std::span<const Shape>) const override { return axes_.front() == 1; }
  std::vector<ChannelSource> sources(int c, std::span<const Shape> in) const override {
    if (axes_.front() == 1) return {};
    return Node::sources(c, in);
  }
  std::optional<float> constant(int, std::span<const std::optional<float>> in,
                                bool) const override {
    return in.empty() ? std::nullopt : in[0];
  }

 private:
  std::vector<int> axes_;  // ascending, from 1 on, at least one
};

}  // namespace

NodePtr reduce_mean_from(std::string name, std::vector<int> inputs, const Json& json) {
  const Attributes a(name, json);
  const size_t count = a.numbers("axes", 1, 3).size();
  NodePtr node = make_reduce_mean(name, 0, a.integers("axes", count, 1, 3));
  node->inputs = std::move(inputs);
  return node;
}

}  // namespace nodes

NodePtr make_reduce_mean(std::string name, int input, std::vector<int> axes) {
  const bool ascend =
      std::adjacent_find(axes.begin(), axes.end(), std::greater_equal<>()) == axes.end();
  GSX_CHECK(ascend && !axes.empty() && axes.front() >= 1 && axes.back() <= 3,
            "reduce_mean: the axes of node ", name, " must ascend from 1 to 3, at least one");
  return std::make_unique<nodes::ReduceMean>(std::move(name), std::vector{input}, std::move(axes));
}

}  // namespace gsx
