// avg_pool: the mean of each window.
#include "models/nodes/pools.h"

namespace gsx {
namespace nodes {
namespace {

class AvgPool : public Pool {
 public:
  AvgPool(std::string n, std::vector<int> input_nodes, const PoolOptions& options)
      : Pool(std::move(n), std::move(input_nodes), options) {}
  AvgPool(std::string n, std::vector<int> input_nodes, const Attributes& a)
      : Pool(std::move(n), std::move(input_nodes), read(a)) {}
  std::string_view kind() const override { return "avg_pool"; }
  NodePtr clone() const override { return cloned(*this); }
  Tensor run(std::span<const Tensor> in, const RunOptions&) const override {
    return avg_pool(in[0], options_);
  }
  std::optional<float> constant(int, std::span<const std::optional<float>> in,
                                bool) const override {
    const bool mixes_zeros = options_.count_include_pad && options_.pad > 0;
    if (!in[0] || !mixes_zeros || *in[0] == 0) return in[0];
    return std::nullopt;
  }
};

}  // namespace

NodePtr avg_pool_from(std::string name, std::vector<int> inputs, const Json& json) {
  return std::make_unique<AvgPool>(name, std::move(inputs), Attributes(name, json));
}

}  // namespace nodes

NodePtr make_avg_pool(std::string name, int input, const PoolOptions& options) {
  return std::make_unique<nodes::AvgPool>(std::move(name), std::vector{input}, options);
}

}  // namespace gsx
