// pixel_shuffle and pixel_unshuffle: channels into r x r blocks of pixels, and back. All r^2
// channels of a block stay or go together.
#include "models/nodes/common.h"

namespace gsx {
namespace nodes {
namespace {

constexpr std::initializer_list<const char*> kOrders = {"crd", "dcr"};
constexpr int kMostFactor = 64;

class PixelShuffle : public Node {
 public:
  PixelShuffle(std::string n, std::vector<int> input_nodes, int factor, ShuffleOrder order,
               bool inverse)
      : factor_(factor), order_(order), inverse_(inverse) {
    name = std::move(n);
    inputs = std::move(input_nodes);
  }
  std::string_view kind() const override { return inverse_ ? "pixel_unshuffle" : "pixel_shuffle"; }
  NodePtr clone() const override { return cloned(*this); }
  bool moves_values() const override { return true; }
  Json attributes() const override {
    return {{"factor", factor_}, {"order", name_of(kOrders, order_)}};
  }
  Shape infer_shape(std::span<const Shape> in) const override {
    const Shape& x = only_input(*this, in, 4);
    const int r = factor_;
    if (inverse_) {
      GSX_CHECK(x[2] % r == 0 && x[3] % r == 0, "pixel_unshuffle: node ", name,
                " takes images whose height and width are multiples of ", r, ", got shape ", x);
      return {x[0], x[1] * r * r, x[2] / r, x[3] / r};
    }
    GSX_CHECK(x[1] % (r * r) == 0, "pixel_shuffle: node ", name, " takes a multiple of ", r * r,
              " channels, got shape ", x);
    return {x[0], x[1] / (r * r), x[2] * r, x[3] * r};
  }
  Tensor run(std::span<const Tensor> in, const RunOptions&) const override {
    return inverse_ ? pixel_unshuffle(in[0], factor_, order_)
                    : pixel_shuffle(in[0], factor_, order_);
  }
  std::vector<ChannelSource> sources(int c, std::span<const Shape> in) const override {
    const int block = factor_ * factor_, deep = static_cast<int>(in[0][1]);
    if (inverse_) return {{0, order_ == ShuffleOrder::crd ? c / block : c % deep}};
    std::vector<ChannelSource> result;
    for (int k = 0; k < block; ++k)
      result.push_back({0, order_ == ShuffleOrder::crd ? c * block + k : k * (deep / block) + c});
    return result;
  }
  std::optional<float> constant(int, std::span<const std::optional<float>> in,
                                bool) const override {
    for (const auto& v : in)
      if (!v || *v != *in[0]) return std::nullopt;
    return in[0];
  }

 private:
  int factor_;
  ShuffleOrder order_;
  bool inverse_;
};

NodePtr made(const std::string& name, std::vector<int> inputs, const Json& json, bool inverse) {
  const Attributes a(name, json);
  const auto order = static_cast<ShuffleOrder>(a.choice("order", kOrders));
  return std::make_unique<PixelShuffle>(name, std::move(inputs),
                                        a.integer("factor", 1, kMostFactor), order, inverse);
}

}  // namespace

NodePtr pixel_shuffle_from(std::string name, std::vector<int> inputs, const Json& json) {
  return made(name, std::move(inputs), json, false);
}
NodePtr pixel_unshuffle_from(std::string name, std::vector<int> inputs, const Json& json) {
  return made(name, std::move(inputs), json, true);
}

}  // namespace nodes

NodePtr make_pixel_shuffle(std::string name, int input, int factor, ShuffleOrder order) {
  return std::make_unique<nodes::PixelShuffle>(std::move(name), std::vector{input}, factor, order,
                                               false);
}
NodePtr make_pixel_unshuffle(std::string name, int input, int factor, ShuffleOrder order) {
  return std::make_unique<nodes::PixelShuffle>(std::move(name), std::vector{input}, factor, order,
                                               true);
}

}  // namespace gsx
