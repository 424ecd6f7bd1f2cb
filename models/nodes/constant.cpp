// constant: a tensor of the file, the same for every image of a batch. It reads nothing.
#include "models/nodes/common.h"

namespace gsx {
namespace nodes {
namespace {

class Constant : public Node {
 public:
  // shape: without the batch.
  Constant(std::string n, const Shape& shape, Tensor value) {
    name = std::move(n);
    value_ = {name + ".value", Role::constant, shape, std::move(value), false};
  }
  std::string_view kind() const override { return "constant"; }
  bool reads_nothing() const override { return true; }
  NodePtr clone() const override { return cloned(*this); }
  Json attributes() const override {
    return {{"shape", std::vector<int64_t>(value_.shape.begin(), value_.shape.end())}};
  }
  std::vector<Parameter*> parameters() override { return {&value_}; }
  Shape infer_shape(std::span<const Shape> in) const override {
    check_inputs(*this, 0, in.size());
    std::vector<int64_t> dims = {1};
    dims.insert(dims.end(), value_.shape.begin(), value_.shape.end());
    return Shape(dims.begin(), dims.end());
  }
  Tensor run(std::span<const Tensor>, const RunOptions&) const override {
    GSX_CHECK(value_.value.defined(), "constant: node ", name,
              " has no value; make it with one or load the model's file");
    return reshape(value_.value, infer_shape({}));
  }
  std::optional<float> constant(int c, std::span<const std::optional<float>>, bool) const override {
    if (!value_.value.defined() || value_.shape.numel() != value_.shape[0]) return std::nullopt;
    return value_.value.to_vector()[c];
  }
  void cut(const ChannelCut& cut) override {
    const int64_t each = value_.shape.numel() / value_.shape[0];
    std::vector<int64_t> dims(value_.shape.begin(), value_.shape.end());
    dims[0] = static_cast<int64_t>(cut.keep_output.size());
    value_.shape = Shape(dims.begin(), dims.end());
    if (!value_.value.defined()) return;
    const std::vector<float> all = value_.value.to_vector();
    std::vector<float> kept;
    for (const int c : cut.keep_output)
      kept.insert(kept.end(), all.begin() + c * each, all.begin() + (c + 1) * each);
    value_.value = Tensor::from(value_.value.context(), kept, value_.shape);
  }

 private:
  Parameter value_;
};

}  // namespace

NodePtr constant_from(std::string name, std::vector<int> inputs, const Json& json) {
  const Attributes a(name, json);
  GSX_CHECK(inputs.empty(), "model file: the constant ", name, " must have no inputs");
  const std::vector<float> dims = a.numbers("shape", 1, 3);
  const std::vector<int> sizes = a.integers("shape", dims.size(), 1, kMaxChannels);
  return std::make_unique<Constant>(std::move(name), Shape(sizes.begin(), sizes.end()), Tensor{});
}

}  // namespace nodes

NodePtr make_constant(std::string name, const Tensor& value) {
  const Shape& s = value.shape();
  GSX_CHECK(s.rank() >= 2 && s[0] == 1 && s.numel() > 0, "constant: the value of node ", name,
            " must have a batch of 1 and channels, got shape ", s);
  const Shape shape(s.begin() + 1, s.end());
  return std::make_unique<nodes::Constant>(std::move(name), shape, reshape(value, shape).detach());
}

}  // namespace gsx
