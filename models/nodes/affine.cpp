// affine: y = scale*x + shift with fixed numbers, one for all channels or one each: what networks
// do to their input or output ranges, and what is left of a branch that became a constant.
#include "models/nodes/common.h"

namespace gsx {
namespace nodes {
namespace {

class Affine : public Node {
 public:
  Affine(std::string n, std::vector<int> input_nodes, std::vector<float> scale,
         std::vector<float> shift)
      : scale_(std::move(scale)), shift_(std::move(shift)) {
    name = std::move(n);
    inputs = std::move(input_nodes);
    GSX_CHECK(!scale_.empty() && scale_.size() == shift_.size(), "affine: node ", name,
              " must have as many scales as shifts, got ", scale_.size(), " and ", shift_.size());
  }
  std::string_view kind() const override { return "affine"; }
  NodePtr clone() const override { return cloned(*this); }
  Json attributes() const override {
    return {{"scale", shortest(scale_)}, {"shift", shortest(shift_)}};
  }
  Shape infer_shape(std::span<const Shape> in) const override {
    const Shape& x = only_input(*this, in);
    GSX_CHECK(scale_.size() == 1 || (x.rank() == 4 && x[1] == channels()), "affine: node ", name,
              " has numbers for ", channels(), " channels, got shape ", x);
    return x;
  }
  Tensor run(std::span<const Tensor> in, const RunOptions&) const override {
    const Tensor& x = in[0];
    if (scale_.size() == 1) return affine(x, scale_[0], shift_[0]);
    const Shape shape{channels()};
    return channel_affine(x, Tensor::from(x.context(), scale_, shape),
                          Tensor::from(x.context(), shift_, shape));
  }
  int lower(Lowering& to, std::span<const int> in) const override {
    if (scale_.size() == 1) return to.affine(in[0], scale_[0], shift_[0]);
    return to.affine(in[0], scale_, shift_);
  }
  std::optional<float> constant(int c, std::span<const std::optional<float>> in,
                                bool) const override {
    if (!in[0]) return std::nullopt;
    const size_t at = scale_.size() == 1 ? 0 : c;
    return std::fma(scale_[at], *in[0], shift_[at]);
  }
  void cut(const ChannelCut& cut) override {
    if (scale_.size() == 1) return;
    std::vector<float> scale, shift;
    for (const int c : cut.keep_output) {
      scale.push_back(scale_.at(c));
      shift.push_back(shift_.at(c));
    }
    scale_ = scale;
    shift_ = shift;
  }

 private:
  int64_t channels() const { return static_cast<int64_t>(scale_.size()); }
  std::vector<float> scale_, shift_;
};

}  // namespace

NodePtr affine_from(std::string name, std::vector<int> inputs, const Json& json) {
  const Attributes a(name, json);
  return std::make_unique<Affine>(name, std::move(inputs), a.numbers("scale", 1, kMaxChannels),
                                  a.numbers("shift", 1, kMaxChannels));
}

}  // namespace nodes

NodePtr make_affine(std::string name, int input, std::vector<float> scale,
                    std::vector<float> shift) {
  return std::make_unique<nodes::Affine>(std::move(name), std::vector{input}, std::move(scale),
                                         std::move(shift));
}

}  // namespace gsx
