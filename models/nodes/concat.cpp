// concat: channels of several images, one after the other.
#include "models/nodes/common.h"

namespace gsx {
namespace nodes {
namespace {

class Concat : public Node {
 public:
  Concat(std::string n, std::vector<int> input_nodes) {
    name = std::move(n);
    inputs = std::move(input_nodes);
  }
  std::string_view kind() const override { return "concat"; }
  NodePtr clone() const override { return cloned(*this); }
  bool moves_values() const override { return true; }
  int lower(Lowering& to, std::span<const int> in) const override { return to.move(in, *this); }
  Shape infer_shape(std::span<const Shape> in) const override {
    GSX_CHECK(!in.empty(), "concat: node ", name, " must have inputs");
    int64_t channels = 0;
    for (const Shape& s : in) {
      GSX_CHECK(s.rank() == 4 && s[0] == in[0][0] && s[2] == in[0][2] && s[3] == in[0][3],
                "concat: node ", name, " must join images of one size, got ", in[0], " and ", s);
      channels += s[1];
    }
    return {in[0][0], channels, in[0][2], in[0][3]};
  }
  Tensor run(std::span<const Tensor> in, const RunOptions&) const override {
    return concat({in.begin(), in.end()});
  }
  std::vector<ChannelSource> sources(int c, std::span<const Shape> in) const override {
    int input = 0;
    while (c >= in[input][1]) c -= static_cast<int>(in[input++][1]);
    return {{input, c}};
  }
  std::optional<float> constant(int, std::span<const std::optional<float>> in,
                                bool) const override {
    return in[0];
  }
};

}  // namespace

NodePtr concat_from(std::string name, std::vector<int> inputs, const Json&) {
  return std::make_unique<Concat>(std::move(name), std::move(inputs));
}

}  // namespace nodes

NodePtr make_concat(std::string name, std::vector<int> inputs) {
  return std::make_unique<nodes::Concat>(std::move(name), std::move(inputs));
}

}  // namespace gsx
