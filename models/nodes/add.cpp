// add: the sum of two values of one shape (residual connections).
#include "models/nodes/arithmetic.h"
#include "models/nodes/common.h"

namespace gsx {
namespace nodes {
namespace {

class Add : public Node {
 public:
  Add(std::string n, std::vector<int> input_nodes) {
    name = std::move(n);
    inputs = std::move(input_nodes);
  }
  std::string_view kind() const override { return "add"; }
  NodePtr clone() const override { return cloned(*this); }
  bool is_add() const override { return true; }
  Shape infer_shape(std::span<const Shape> in) const override {
    check_inputs(*this, 2, in.size());
    GSX_CHECK(in[0] == in[1], "add: node ", name, " must add equal shapes, got ", in[0], " and ",
              in[1], "; this network may need an image size divisible by 4");
    return in[0];
  }
  Tensor run(std::span<const Tensor> in, const RunOptions&) const override {
    return gsx::add(in[0], in[1]);
  }
  int lower(Lowering& to, std::span<const int> in) const override { return to.add(in[0], in[1]); }
  std::optional<float> constant(int, std::span<const std::optional<float>> in,
                                bool) const override {
    if (!in[0] || !in[1]) return std::nullopt;
    return *in[0] + *in[1];
  }
};

}  // namespace

NodePtr add_from(std::string name, std::vector<int> inputs, const Json& json) {
  const Attributes a(name, json);
  if (a.has("broadcast") && a.boolean("broadcast"))
    return broadcasting_add_from(std::move(name), std::move(inputs));
  return std::make_unique<Add>(std::move(name), std::move(inputs));
}

}  // namespace nodes

NodePtr make_add(std::string name, int a, int b) {
  return std::make_unique<nodes::Add>(std::move(name), std::vector{a, b});
}

}  // namespace gsx
