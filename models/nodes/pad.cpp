// pad: borders of zeros, mirrored pixels or repeated edges; negative zero padding crops.
#include "models/nodes/common.h"

namespace gsx {
namespace nodes {
namespace {

class Pad : public Node {
 public:
  Pad(std::string n, std::vector<int> input_nodes, const Padding& pad, PadMode mode)
      : pad_(pad), mode_(mode) {
    name = std::move(n);
    inputs = std::move(input_nodes);
  }
  std::string_view kind() const override { return "pad"; }
  NodePtr clone() const override { return cloned(*this); }
  bool moves_values() const override { return true; }
  int lower(Lowering& to, std::span<const int> in) const override { return to.move(in, *this); }
  Json attributes() const override {
    return {{"pad", {pad_.top, pad_.bottom, pad_.left, pad_.right}},
            {"pad_mode", name_of(kPadModeNames, mode_)}};
  }
  Shape infer_shape(std::span<const Shape> in) const override {
    const Shape& x = only_input(*this, in, 4);
    const int64_t h = x[2] + pad_.top + pad_.bottom, w = x[3] + pad_.left + pad_.right;
    const bool mirrors = mode_ != PadMode::reflect || (std::max(pad_.top, pad_.bottom) < x[2] &&
                                                       std::max(pad_.left, pad_.right) < x[3]);
    GSX_CHECK(h > 0 && w > 0 && mirrors, "pad: node ", name, " cannot take images as small as ", x,
              "; give larger ones");
    return {x[0], x[1], h, w};
  }
  Tensor run(std::span<const Tensor> in, const RunOptions&) const override {
    return pad2d(in[0], pad_, mode_);
  }
  std::optional<float> constant(int, std::span<const std::optional<float>> in,
                                bool) const override {
    const bool crops = std::max({pad_.top, pad_.bottom, pad_.left, pad_.right}) <= 0;
    if (!in[0] || mode_ != PadMode::zero || crops || *in[0] == 0) return in[0];
    return std::nullopt;
  }

 private:
  Padding pad_;
  PadMode mode_;
};

}  // namespace

NodePtr pad_from(std::string name, std::vector<int> inputs, const Json& json) {
  const Attributes a(name, json);
  const auto mode = static_cast<PadMode>(a.choice("pad_mode", kPadModeNames));
  const std::vector<int> p = a.integers("pad", 4, mode == PadMode::zero ? -1024 : 0, 1024);
  return std::make_unique<Pad>(name, std::move(inputs), Padding{p[0], p[1], p[2], p[3]}, mode);
}

}  // namespace nodes

NodePtr make_pad(std::string name, int input, const Padding& pad, PadMode mode) {
  return std::make_unique<nodes::Pad>(std::move(name), std::vector{input}, pad, mode);
}

}  // namespace gsx
