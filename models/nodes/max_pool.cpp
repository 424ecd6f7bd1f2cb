// max_pool: the largest value of each window.
#include "models/nodes/pools.h"

namespace gsx {
namespace nodes {
namespace {

class MaxPool : public Pool {
 public:
  MaxPool(std::string n, std::vector<int> input_nodes, const PoolOptions& options)
      : Pool(std::move(n), std::move(input_nodes), options) {}
  MaxPool(std::string n, std::vector<int> input_nodes, const Attributes& a)
      : Pool(std::move(n), std::move(input_nodes), read(a)) {}
  std::string_view kind() const override { return "max_pool"; }
  NodePtr clone() const override { return cloned(*this); }
  bool moves_values() const override { return true; }
  Tensor run(std::span<const Tensor> in, const RunOptions&) const override {
    return max_pool(in[0], options_);
  }
  std::optional<float> constant(int, std::span<const std::optional<float>> in,
                                bool) const override {
    return in[0];
  }
};

}  // namespace

NodePtr max_pool_from(std::string name, std::vector<int> inputs, const Json& json) {
  return std::make_unique<MaxPool>(name, std::move(inputs), Attributes(name, json));
}

}  // namespace nodes

NodePtr make_max_pool(std::string name, int input, const PoolOptions& options) {
  return std::make_unique<nodes::MaxPool>(std::move(name), std::vector{input}, options);
}

}  // namespace gsx
