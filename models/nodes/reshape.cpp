// reshape: images to vectors [N,C*H*W] or rows of pixels [N,C,H*W] and back, in N C H W order; to
// images of sizes that are given or, with a second input, that one's. Every output channel
// belongs to all input channels it holds elements of.
#include "models/nodes/common.h"

namespace gsx {
namespace nodes {
namespace {

class Reshape : public Node {
 public:
  Reshape(std::string n, std::vector<int> input_nodes, int channels, int height, int width,
          bool flat)
      : channels_(channels), height_(height), width_(width), flat_(flat) {
    name = std::move(n);
    inputs = std::move(input_nodes);
  }
  std::string_view kind() const override { return "reshape"; }
  NodePtr clone() const override { return cloned(*this); }
  Json attributes() const override {
    if (flat_) return {{"flat", true}};
    return {{"channels", channels_}, {"height", height_}, {"width", width_}};
  }
  Shape infer_shape(std::span<const Shape> in) const override {
    if (in.size() == 2) return like(in[0], in[1]);
    const Shape& x = only_input(*this, in);
    if (flat_) {
      only_input(*this, in, 4);
      return {x[0], x[1], x[2] * x[3]};
    }
    GSX_CHECK(x.rank() >= 1 && x[0] > 0, "reshape: node ", name, " must have an input, got shape ",
              x);
    const int64_t each = x.numel() / x[0];
    const int64_t plane = height_ > 0 ? int64_t{height_} * width_ : 1;
    const int64_t channels = channels_ > 0 ? channels_ : each / plane;
    GSX_CHECK(channels * plane == each, "reshape: node ", name, " cannot make ", channels,
              " channels of ", plane, " pixels from shape ", x);
    if (height_ == 0) return {x[0], channels};
    return {x[0], channels, height_, width_};
  }
  Tensor run(std::span<const Tensor> in, const RunOptions&) const override {
    std::vector<Shape> shapes;
    for (const Tensor& t : in) shapes.push_back(t.shape());
    return reshape(in[0], infer_shape(shapes));
  }
  // Of the second input only the size is asked, but it must not vanish before the result does.
  bool pins_input(int which, std::span<const Shape> in) const override {
    return which == 1 && in[1][1] != in[0][1];
  }
  std::vector<ChannelSource> sources(int c, std::span<const Shape> in) const override {
    if (in.size() == 2 && pins_input(1, in)) return {{0, c}};
    if (in.size() == 2) return {{0, c}, {1, c}};
    const Shape out = infer_shape(in);
    const int64_t each = out.numel() / (out[0] * out[1]);
    const int64_t each_in = in[0].numel() / (in[0][0] * in[0][1]);
    std::vector<ChannelSource> result;
    for (int64_t i = c * each / each_in; i * each_in < (c + 1) * each; ++i) {
      result.push_back({0, static_cast<int>(i)});
    }
    return result;
  }
  std::optional<float> constant(int, std::span<const std::optional<float>> in,
                                bool) const override {
    if (inputs.size() == 2) return in[0];
    for (const auto& v : in) {
      if (!v || *v != *in[0]) return std::nullopt;
    }
    return in[0];
  }
  void cut(const ChannelCut& cut) override {
    if (channels_ > 0) channels_ = static_cast<int>(cut.keep_output.size());
  }

 private:
  Shape like(const Shape& x, const Shape& other) const {
    GSX_CHECK(x.rank() == 3 && other.rank() == 4 && x[2] == other[2] * other[3], "reshape: node ",
              name, " cannot give rows of pixels ", x, " the size of ", other);
    return {x[0], x[1], other[2], other[3]};
  }

  int channels_, height_, width_;
  bool flat_;
};

}  // namespace

NodePtr reshape_from(std::string name, std::vector<int> inputs, const Json& json) {
  const Attributes a(name, json);
  if (a.has("flat") && a.boolean("flat"))
    return std::make_unique<Reshape>(name, std::move(inputs), 0, 0, 0, true);
  const int height = a.integer("height", 0, kMaxChannels);
  return std::make_unique<Reshape>(name, std::move(inputs), a.integer("channels", 0, kMaxChannels),
                                   height, a.integer("width", height > 0 ? 1 : 0, kMaxChannels),
                                   false);
}

}  // namespace nodes

NodePtr make_reshape(std::string name, int input, int channels, int height, int width) {
  return std::make_unique<nodes::Reshape>(std::move(name), std::vector{input}, channels, height,
                                          width, false);
}
NodePtr make_flatten_pixels(std::string name, int input) {
  return std::make_unique<nodes::Reshape>(std::move(name), std::vector{input}, 0, 0, 0, true);
}
NodePtr make_reshape_like(std::string name, int input, int like) {
  return std::make_unique<nodes::Reshape>(std::move(name), std::vector{input, like}, 0, 0, 0,
                                          false);
}

}  // namespace gsx
