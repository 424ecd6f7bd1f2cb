// softmax, matmul and transpose, as attention needs them: values [N,C,H,W], [N,L,D] or [N,F].
// Channels that change their place or are multiplied away stay: not prunable through.
#include <numeric>

#include "models/nodes/common.h"

namespace gsx {
namespace nodes {
namespace {

// Over the channels of images, over the last dimension of what else there is.
class Softmax : public Node {
 public:
  Softmax(std::string n, std::vector<int> input_nodes) {
    name = std::move(n);
    inputs = std::move(input_nodes);
  }
  std::string_view kind() const override { return "softmax"; }
  NodePtr clone() const override { return cloned(*this); }
  Shape infer_shape(std::span<const Shape> in) const override { return only_input(*this, in); }
  Tensor run(std::span<const Tensor> in, const RunOptions&) const override {
    return softmax(in[0]);
  }
  // In [N,L,D] every row has a sum of its own; else all channels share one.
  bool pins_input(int, std::span<const Shape> in) const override { return in[0].rank() != 3; }
};

// a [N,A,F] times b [N,F,B], or [N,B,F]: rows of a are rows of the result.
class Matmul : public Node {
 public:
  Matmul(std::string n, std::vector<int> input_nodes, bool b_transposed)
      : b_transposed_(b_transposed) {
    name = std::move(n);
    inputs = std::move(input_nodes);
  }
  std::string_view kind() const override { return "matmul"; }
  NodePtr clone() const override { return cloned(*this); }
  Json attributes() const override { return {{"b_transposed", b_transposed_}}; }
  Shape infer_shape(std::span<const Shape> in) const override {
    check_inputs(*this, 2, in.size());
    const Shape &a = in[0], &b = in[1];
    GSX_CHECK(a.rank() == 3 && b.rank() == 3 && a[0] == b[0] && a[2] == b[b_transposed_ ? 2 : 1],
              "matmul: the inputs of node ", name, " must be matrices that fit, got ", a, " and ",
              b, b_transposed_ ? " transposed" : "");
    return {a[0], a[1], b[b_transposed_ ? 1 : 2]};
  }
  MacCount macs(std::span<const Shape> in, const Shape& out) const override {
    return {static_cast<double>(out[1] * out[2] * in[0][2]), 0};
  }
  Tensor run(std::span<const Tensor> in, const RunOptions&) const override {
    return matmul(in[0], in[1], b_transposed_);
  }
  bool pins_input(int which, std::span<const Shape>) const override { return which == 1; }
  std::vector<ChannelSource> sources(int c, std::span<const Shape>) const override {
    return {{0, c}};
  }
  // A row of zeros gives zeros; of another constant, what the columns of b sum to.
  std::optional<float> constant(int, std::span<const std::optional<float>> in,
                                bool) const override {
    return in[0] == 0.0f ? in[0] : std::nullopt;
  }

 private:
  bool b_transposed_;
};

class Transpose : public Node {
 public:
  Transpose(std::string n, std::vector<int> input_nodes, std::vector<int> axes)
      : axes_(std::move(axes)) {
    name = std::move(n);
    inputs = std::move(input_nodes);
  }
  std::string_view kind() const override { return "transpose"; }
  bool moves_values() const override { return true; }
  NodePtr clone() const override { return cloned(*this); }
  Json attributes() const override { return {{"axes", axes_}}; }
  Shape infer_shape(std::span<const Shape> in) const override {
    const Shape& x = only_input(*this, in, static_cast<int>(axes_.size()));
    std::vector<int64_t> dims;
    for (const int axis : axes_) dims.push_back(x[axis]);
    return Shape(dims.begin(), dims.end());
  }
  Tensor run(std::span<const Tensor> in, const RunOptions&) const override {
    return transpose(in[0], axes_);
  }
  bool pins_input(int, std::span<const Shape>) const override { return moves_channels(); }
  std::vector<ChannelSource> sources(int c, std::span<const Shape> in) const override {
    if (moves_channels()) return {};
    return Node::sources(c, in);
  }
  std::optional<float> constant(int, std::span<const std::optional<float>> in,
                                bool) const override {
    return in.empty() ? std::nullopt : in[0];
  }

 private:
  bool moves_channels() const { return axes_[1] != 1; }
  std::vector<int> axes_;  // axes_[0] is 0: images stay images
};

}  // namespace

NodePtr softmax_from(std::string name, std::vector<int> inputs, const Json&) {
  return std::make_unique<Softmax>(std::move(name), std::move(inputs));
}
NodePtr matmul_from(std::string name, std::vector<int> inputs, const Json& json) {
  const bool b_transposed = Attributes(name, json).boolean("b_transposed");
  return std::make_unique<Matmul>(std::move(name), std::move(inputs), b_transposed);
}
NodePtr transpose_from(std::string name, std::vector<int> inputs, const Json& json) {
  const Attributes a(name, json);
  const size_t count = a.numbers("axes", 2, 4).size();
  NodePtr node = make_transpose(name, 0, a.integers("axes", count, 0, 3));
  node->inputs = std::move(inputs);
  return node;
}

}  // namespace nodes

NodePtr make_softmax(std::string name, int input) {
  return std::make_unique<nodes::Softmax>(std::move(name), std::vector{input});
}
NodePtr make_matmul(std::string name, int a, int b, bool b_transposed) {
  return std::make_unique<nodes::Matmul>(std::move(name), std::vector{a, b}, b_transposed);
}
NodePtr make_transpose(std::string name, int input, std::vector<int> axes) {
  std::vector<int> sorted = axes, all(axes.size());
  std::sort(sorted.begin(), sorted.end());
  std::iota(all.begin(), all.end(), 0);
  GSX_CHECK(sorted == all && axes.size() >= 2 && axes[0] == 0, "transpose: the axes of node ", name,
            " must name every dimension once, the first first");
  return std::make_unique<nodes::Transpose>(std::move(name), std::vector{input}, std::move(axes));
}

}  // namespace gsx
