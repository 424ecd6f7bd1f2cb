// upsample: every pixel repeated factor x factor times.
#include "models/nodes/common.h"

namespace gsx {
namespace nodes {
namespace {

class Upsample : public Node {
 public:
  Upsample(std::string n, std::vector<int> input_nodes, int factor) : factor_(factor) {
    name = std::move(n);
    inputs = std::move(input_nodes);
  }
  std::string_view kind() const override { return "upsample"; }
  NodePtr clone() const override { return cloned(*this); }
  bool moves_values() const override { return true; }
  int lower(Lowering& to, std::span<const int> in) const override { return to.move(in, *this); }
  Json attributes() const override { return {{"factor", factor_}}; }
  Shape infer_shape(std::span<const Shape> in) const override {
    const Shape& x = only_input(*this, in, 4);
    return {x[0], x[1], x[2] * factor_, x[3] * factor_};
  }
  Tensor run(std::span<const Tensor> in, const RunOptions&) const override {
    return upsample_nearest(in[0], factor_);
  }
  std::optional<float> constant(int, std::span<const std::optional<float>> in,
                                bool) const override {
    return in[0];
  }

 private:
  int factor_;
};

}  // namespace

NodePtr upsample_from(std::string name, std::vector<int> inputs, const Json& json) {
  const Attributes a(name, json);
  return std::make_unique<Upsample>(name, std::move(inputs), a.integer("factor", 1, 64));
}

}  // namespace nodes

NodePtr make_upsample(std::string name, int input, int factor) {
  return std::make_unique<nodes::Upsample>(std::move(name), std::vector{input}, factor);
}

}  // namespace gsx
