// sub, mul, div, and add where a side may repeat: dimensions of 1 count everywhere, as per-channel
// gates [N,C,1,1] and masks [N,1,H,W] need it. Adding equal shapes is Add's, which norms fuse.
#include "models/nodes/arithmetic.h"

#include "models/nodes/common.h"

namespace gsx {
namespace nodes {
namespace {

constexpr std::initializer_list<const char*> kKinds = {"add", "sub", "mul", "div"};

class ArithmeticNode : public Node {
 public:
  ArithmeticNode(std::string n, std::vector<int> input_nodes, Arithmetic op) : op_(op) {
    name = std::move(n);
    inputs = std::move(input_nodes);
  }
  std::string_view kind() const override { return name_of(kKinds, op_); }
  NodePtr clone() const override { return cloned(*this); }
  Json attributes() const override {
    Json json = Json::object();
    if (op_ == Arithmetic::add) json["broadcast"] = true;
    return json;
  }
  Shape infer_shape(std::span<const Shape> in) const override {
    check_inputs(*this, 2, in.size());
    const Shape &a = in[0], &b = in[1];
    bool fit = a.rank() == b.rank();
    std::vector<int64_t> dims(a.begin(), a.end());
    for (int d = 0; fit && d < a.rank(); ++d) {
      fit = a[d] == b[d] || a[d] == 1 || b[d] == 1;
      dims[d] = a[d] == 1 ? b[d] : a[d];
    }
    GSX_CHECK(fit, kind(), ": the inputs of node ", name,
              " must have dimensions that are equal or 1, got ", a, " and ", b,
              "; this network may need another image size");
    return Shape(dims.begin(), dims.end());
  }
  Tensor run(std::span<const Tensor> in, const RunOptions&) const override {
    switch (op_) {
      case Arithmetic::add: return gsx::add(in[0], in[1]);
      case Arithmetic::sub: return gsx::sub(in[0], in[1]);
      case Arithmetic::mul: return gsx::mul(in[0], in[1]);
      default: return gsx::div(in[0], in[1]);
    }
  }
  // A single channel for all is not handed on.
  bool pins_input(int which, std::span<const Shape> in) const override {
    return in[which][1] == 1 && in[1 - which][1] > 1;
  }
  std::vector<ChannelSource> sources(int c, std::span<const Shape> in) const override {
    std::vector<ChannelSource> result;
    for (int i = 0; i < 2; ++i)
      if (!pins_input(i, in)) result.push_back({i, c});
    return result;
  }
  std::optional<float> constant(int, std::span<const std::optional<float>> in,
                                bool) const override {
    const bool zero = std::any_of(in.begin(), in.end(), [](const auto& v) { return v == 0.0f; });
    if (op_ == Arithmetic::mul && zero) return 0.0f;
    if (in.size() < 2 || !in[0] || !in[1]) return std::nullopt;
    switch (op_) {
      case Arithmetic::add: return *in[0] + *in[1];
      case Arithmetic::sub: return *in[0] - *in[1];
      case Arithmetic::mul: return *in[0] * *in[1];
      default: break;
    }
    if (*in[1] == 0) return std::nullopt;
    return *in[0] / *in[1];
  }

 private:
  Arithmetic op_;
};

NodePtr made(std::string name, std::vector<int> inputs, Arithmetic op) {
  return std::make_unique<ArithmeticNode>(std::move(name), std::move(inputs), op);
}

}  // namespace

NodePtr broadcasting_add_from(std::string name, std::vector<int> inputs) {
  return made(std::move(name), std::move(inputs), Arithmetic::add);
}
NodePtr sub_from(std::string name, std::vector<int> inputs, const Json&) {
  return made(std::move(name), std::move(inputs), Arithmetic::sub);
}
NodePtr mul_from(std::string name, std::vector<int> inputs, const Json&) {
  return made(std::move(name), std::move(inputs), Arithmetic::mul);
}
NodePtr div_from(std::string name, std::vector<int> inputs, const Json&) {
  return made(std::move(name), std::move(inputs), Arithmetic::div);
}

}  // namespace nodes

NodePtr make_arithmetic(std::string name, Arithmetic op, int a, int b) {
  return nodes::made(std::move(name), {a, b}, op);
}

}  // namespace gsx
