// resize: images of another size, by the nearest pixel or bilinearly (kernels/resize.h).
#include "models/nodes/common.h"

namespace gsx {
namespace nodes {
namespace {

constexpr std::initializer_list<const char*> kModes = {"nearest", "linear"};
constexpr std::initializer_list<const char*> kCoordinates = {"asymmetric", "half_pixel",
                                                             "pytorch_half_pixel", "align_corners"};
constexpr std::initializer_list<const char*> kRoundings = {"round_prefer_floor",
                                                           "round_prefer_ceil", "floor", "ceil"};

class Resize : public Node {
 public:
  Resize(std::string n, std::vector<int> input_nodes, const ResizeOptions& options)
      : options_(options) {
    name = std::move(n);
    inputs = std::move(input_nodes);
  }
  std::string_view kind() const override { return "resize"; }
  bool moves_values() const override { return options_.rule.mode == ResizeMode::nearest; }
  NodePtr clone() const override { return cloned(*this); }
  Json attributes() const override {
    const ResizeRule& rule = options_.rule;
    Json json = {{"mode", name_of(kModes, rule.mode)},
                 {"coordinates", name_of(kCoordinates, rule.coordinates)}};
    if (rule.mode == ResizeMode::nearest) json["rounding"] = name_of(kRoundings, rule.rounding);
    if (options_.height > 0) json["size"] = {options_.height, options_.width};
    else json["scale"] = {options_.scale_h, options_.scale_w};
    return json;
  }
  Shape infer_shape(std::span<const Shape> in) const override {
    return options_.output(only_input(*this, in, 4));
  }
  Tensor run(std::span<const Tensor> in, const RunOptions&) const override {
    return resize(in[0], options_);
  }
  std::optional<float> constant(int, std::span<const std::optional<float>> in,
                                bool) const override {
    return in[0];
  }

 private:
  ResizeOptions options_;
};

}  // namespace

NodePtr resize_from(std::string name, std::vector<int> inputs, const Json& json) {
  const Attributes a(name, json);
  ResizeOptions o;
  o.rule.mode = static_cast<ResizeMode>(a.choice("mode", kModes));
  o.rule.coordinates = static_cast<ResizeCoordinates>(a.choice("coordinates", kCoordinates));
  if (o.rule.mode == ResizeMode::nearest)
    o.rule.rounding = static_cast<ResizeRounding>(a.choice("rounding", kRoundings));
  if (a.has("size")) {
    const std::vector<int> size = a.integers("size", 2, 1, 1 << 24);
    o.height = size[0];
    o.width = size[1];
  } else {
    const std::vector<double> scale = a.doubles("scale", 2);
    GSX_CHECK(scale[0] > 0 && scale[1] > 0 && std::max(scale[0], scale[1]) <= 64,
              "model file: node ", name, ": scale must lie above 0 and up to 64, got ", scale[0],
              " and ", scale[1]);
    o.scale_h = scale[0];
    o.scale_w = scale[1];
  }
  return std::make_unique<Resize>(name, std::move(inputs), o);
}

}  // namespace nodes

NodePtr make_resize(std::string name, int input, const ResizeOptions& options) {
  return std::make_unique<nodes::Resize>(std::move(name), std::vector{input}, options);
}

}  // namespace gsx
