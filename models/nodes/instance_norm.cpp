// instance_norm: statistics per image and channel; alone, or with what follows it in one op.
#include "kernels/backend.h"
#include "models/nodes/norms.h"

namespace gsx {
namespace nodes {
namespace {

class InstanceNorm : public Norm {
 public:
  InstanceNorm(std::string n, std::vector<int> input_nodes, int channels, bool affine, float eps)
      : Norm(std::move(n), std::move(input_nodes), channels, affine, false), eps_(eps) {}
  std::string_view kind() const override { return "instance_norm"; }
  NodePtr clone() const override { return cloned(*this); }
  Json attributes() const override { return norm_attributes(eps_); }

  Tensor run(std::span<const Tensor> in, const RunOptions&) const override {
    return run_fused(in[0], {}, {}, {});
  }
  bool starts_fusion() const override { return true; }
  Tensor run_fused(const Tensor& x, const NormOptions& tail, const Tensor& residual,
                   const Moments& of_x) const override {
    const NormSpec s = by_biased_variance(spec(eps_), x, x.dim(2) * x.dim(3));
    NormOptions options = tail;
    options.eps = s.eps;
    return instance_norm(x, s.gamma, s.beta, options, residual, of_x);
  }

  int lower(Lowering& to, std::span<const int> in) const override {
    return to.norm(in[0], spec(eps_));
  }

  bool cancels_shifts() const override { return true; }
  bool cancels_scales() const override { return true; }
  std::optional<float> constant(int c, std::span<const std::optional<float>> in,
                                bool gamma_zero) const override {
    if (gamma_zero || gamma_is_zero(c) || (!in.empty() && in[0])) return beta_of(c);
    return std::nullopt;
  }

 private:
  float eps_;
};

}  // namespace

NodePtr instance_norm_from(std::string name, std::vector<int> inputs, const Json& json) {
  const Attributes a(name, json);
  auto node = std::make_unique<InstanceNorm>(name, std::move(inputs),
                                             a.integer("channels", 1, kMaxChannels),
                                             a.boolean("affine"), a.positive("eps"));
  node->read_inserted(a);
  node->read_unbiased(a);
  return node;
}

}  // namespace nodes

NodePtr make_instance_norm(std::string name, int input, int channels, bool affine, float eps,
                           bool unbiased) {
  auto node = std::make_unique<nodes::InstanceNorm>(std::move(name), std::vector{input}, channels,
                                                    affine, eps);
  if (unbiased) node->set_unbiased();
  return node;
}

}  // namespace gsx
