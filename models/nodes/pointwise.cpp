// clip, silu, hard_swish, gelu, softplus, sqrt: functions of one element that norms do not fuse.
#include "kernels/pointwise.h"

#include "models/nodes/common.h"

namespace gsx {
namespace nodes {
namespace {

constexpr std::initializer_list<const char*> kKinds = {"clip", "silu",     "hard_swish", "gelu",
                                                       "gelu", "softplus", "sqrt"};
constexpr std::initializer_list<const char*> kGeluForms = {"none", "tanh"};

class PointwiseNode : public Node {
 public:
  PointwiseNode(std::string n, std::vector<int> input_nodes, Pointwise f, PointwiseOptions o)
      : function_(f), options_(o) {
    name = std::move(n);
    inputs = std::move(input_nodes);
  }
  std::string_view kind() const override { return name_of(kKinds, function_); }
  NodePtr clone() const override { return cloned(*this); }
  Json attributes() const override {
    switch (function_) {
      case Pointwise::clip: return {{"lo", shortest(options_.a)}, {"hi", shortest(options_.b)}};
      case Pointwise::gelu: return {{"approximate", "none"}};
      case Pointwise::gelu_tanh: return {{"approximate", "tanh"}};
      case Pointwise::softplus:
        return {{"beta", shortest(options_.a)}, {"threshold", shortest(options_.b)}};
      default: return Json::object();
    }
  }
  Shape infer_shape(std::span<const Shape> in) const override { return only_input(*this, in); }
  Tensor run(std::span<const Tensor> in, const RunOptions&) const override {
    return pointwise(in[0], function_, options_);
  }
  std::optional<float> constant(int, std::span<const std::optional<float>> in,
                                bool) const override {
    if (!in[0]) return std::nullopt;
    float y = 0;
    kernels::with_pointwise(
        function_, [&]<Pointwise P>() { y = kernels::scalar::pointwise<P>(*in[0], options_); });
    return y;
  }

 private:
  Pointwise function_;
  PointwiseOptions options_;
};

NodePtr made(std::string name, std::vector<int> inputs, Pointwise f, PointwiseOptions o = {}) {
  return std::make_unique<PointwiseNode>(std::move(name), std::move(inputs), f, o);
}

}  // namespace

NodePtr clip_from(std::string name, std::vector<int> inputs, const Json& json) {
  const Attributes a(name, json);
  const PointwiseOptions o = {a.number("lo"), a.number("hi")};
  GSX_CHECK(o.a <= o.b, "model file: node ", name, ": lo must not be above hi, got ", o.a, " and ",
            o.b);
  return made(name, std::move(inputs), Pointwise::clip, o);
}
NodePtr silu_from(std::string name, std::vector<int> inputs, const Json&) {
  return made(std::move(name), std::move(inputs), Pointwise::silu);
}
NodePtr hard_swish_from(std::string name, std::vector<int> inputs, const Json&) {
  return made(std::move(name), std::move(inputs), Pointwise::hard_swish);
}
NodePtr sqrt_from(std::string name, std::vector<int> inputs, const Json&) {
  return made(std::move(name), std::move(inputs), Pointwise::sqrt);
}
NodePtr gelu_from(std::string name, std::vector<int> inputs, const Json& json) {
  const bool by_tanh = Attributes(name, json).choice("approximate", kGeluForms) == 1;
  return made(name, std::move(inputs), by_tanh ? Pointwise::gelu_tanh : Pointwise::gelu);
}
NodePtr softplus_from(std::string name, std::vector<int> inputs, const Json& json) {
  const Attributes a(name, json);
  return made(name, std::move(inputs), Pointwise::softplus,
              {a.positive("beta"), a.number("threshold")});
}

}  // namespace nodes

NodePtr make_pointwise(std::string name, int input, Pointwise function,
                       const PointwiseOptions& options) {
  return nodes::made(std::move(name), {input}, function, options);
}

}  // namespace gsx
