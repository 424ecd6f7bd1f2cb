// linear: y = W x + b on vectors [N,F].
#include "models/nodes/weighted.h"

namespace gsx {
namespace nodes {
namespace {

class Linear : public Weighted {
 public:
  Linear(std::string n, std::vector<int> input_nodes, int in, int out, bool bias)
      : Weighted(std::move(n), std::move(input_nodes), in, out, 1, 1, bias, true, false) {}
  Linear(std::string n, std::vector<int> input_nodes, const Attributes& a)
      : Linear(std::move(n), std::move(input_nodes), a.integer("in", 0, kMaxChannels),
               a.integer("out", 1, kMaxChannels), a.boolean("bias")) {
    read_weighted_attributes(a);
  }
  std::string_view kind() const override { return "linear"; }
  NodePtr clone() const override { return cloned(*this); }
  Json attributes() const override { return weighted_attributes(); }

  Shape infer_shape(std::span<const Shape> given) const override {
    const Shape& x = only_input(*this, given, 2);
    GSX_CHECK(constant_input() || x[1] == in(), "linear: node ", name, " takes ", in(),
              " features, got shape ", x);
    return {x[0], out()};
  }
  MacCount macs(std::span<const Shape>, const Shape&) const override {
    return {static_cast<double>(in()) * out(), 0};
  }

  Tensor run(std::span<const Tensor> given, const RunOptions& options) const override {
    const Tensor& x = given[0];
    const Tensor bias = effective_bias();
    if (!constant_input()) return linear(x, effective_weight(options), bias);
    // Ones times the bias as a column, so that gradients reach it.
    if (!bias.defined()) return Tensor::zeros(x.context(), {x.dim(0), out()});
    return linear(Tensor::full(x.context(), {x.dim(0), 1}, 1), reshape(bias, {out(), 1}), {});
  }

  IntegerValue run_integer(std::span<const IntegerValue> given) const override {
    const IntegerValue& x = given[0];
    if (x.kind != IntegerValue::Kind::codes || !weight_quant()) return Node::run_integer(given);
    GSX_CHECK(int64_t{in()} * 127 * x.range.most() < int64_t{1} << 30, "linear: node ", name,
              " sums too many codes for the integer program, ", in(), " features");
    IntegerValue result;
    result.kind = IntegerValue::Kind::sums;
    result.scales = sum_scales(x.tensor.context(), x.scale);
    result.bias = bias_value();
    result.tensor = Tensor::empty(x.tensor.context(), {x.shape()[0], out()}, DType::i32);
    result.tensor.write_storage<int32_t>(code_sums(x.tensor, tap_codes(result.scales)));
    return result;
  }

 protected:
  bool all_taps_in_bounds() const override { return true; }

 private:
  // x [N,F] codes -> [N,O] sums, by the host whatever the device: these layers are small and rare.
  std::vector<int32_t> code_sums(const Tensor& x, const std::vector<int32_t>& taps) const {
    const auto rows = x.read_storage<int16_t>();
    const auto w = constant_input() ? std::vector<int8_t>{} : weight_codes().read_storage<int8_t>();
    std::vector<int32_t> sums;
    for (int64_t n = 0; n < x.dim(0); ++n) {
      for (int o = 0; o < out(); ++o) {
        int32_t sum = taps.empty() ? 0 : taps[o];
        for (int i = 0; i < in(); ++i)
          sum += int32_t{rows[n * in() + i]} * w[int64_t{o} * in() + i];
        sums.push_back(sum);
      }
    }
    return sums;
  }
};

}  // namespace

NodePtr linear_from(std::string name, std::vector<int> inputs, const Json& json) {
  return std::make_unique<Linear>(name, std::move(inputs), Attributes(name, json));
}

}  // namespace nodes

NodePtr make_linear(std::string name, int input, int in, int out, bool bias) {
  return std::make_unique<nodes::Linear>(std::move(name), std::vector{input}, in, out, bias);
}

}  // namespace gsx
