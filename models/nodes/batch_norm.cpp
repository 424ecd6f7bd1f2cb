// batch_norm: statistics over the batch while training, running ones otherwise.
#include "models/nodes/norms.h"

namespace gsx {
namespace nodes {
namespace {

class BatchNorm : public Norm {
 public:
  BatchNorm(std::string n, std::vector<int> input_nodes, int channels, bool affine, float eps,
            float momentum)
      : Norm(std::move(n), std::move(input_nodes), channels, affine, true),
        eps_(eps),
        momentum_(momentum) {}
  std::string_view kind() const override { return "batch_norm"; }
  NodePtr clone() const override { return cloned(*this); }
  Json attributes() const override {
    Json json = norm_attributes(eps_);
    json["momentum"] = shortest(momentum_);
    return json;
  }
  Tensor run(std::span<const Tensor> in, const RunOptions& options) const override {
    return batch_norm(in[0], gamma(), beta(), running_mean_.value, running_var_.value,
                      {eps_, momentum_, options.training});
  }
  // By the running statistics, a scale and a shift per channel: the bits that run() computes.
  int lower(Lowering& to, std::span<const int> in) const override {
    const ChannelLine l = running_line();
    return to.affine(in[0], {l.scale.begin(), l.scale.end()}, {l.shift.begin(), l.shift.end()});
  }
  std::optional<ChannelLine> line() const override {
    if (!running_var_.value.defined()) return std::nullopt;
    return running_line();
  }
  bool mixes_batch() const override { return true; }
  bool cancels_scales() const override { return true; }
  std::optional<float> constant(int c, std::span<const std::optional<float>> in,
                                bool gamma_zero) const override {
    if (gamma_zero || gamma_is_zero(c)) return beta_of(c);
    if (in.empty() || !in[0] || !running_mean_.value.defined()) return std::nullopt;
    const float deviation = std::sqrt(running_var_.value.at(c) + eps_);
    const float gain = affine() ? gamma().at(c) : 1.0f;
    return gain * (*in[0] - running_mean_.value.at(c)) / deviation + beta_of(c);
  }

 private:
  ChannelLine running_line() const {
    ChannelLine line;
    for (int c = 0; c < channels(); ++c) {
      const double inv = 1.0 / std::sqrt(static_cast<double>(running_var_.value.at(c)) + eps_);
      const double a = (affine() ? gamma().at(c) : 1.0f) * inv;
      line.scale.push_back(a);
      line.shift.push_back(beta_of(c) - running_mean_.value.at(c) * a);
    }
    return line;
  }

  float eps_, momentum_;
};

}  // namespace

NodePtr batch_norm_from(std::string name, std::vector<int> inputs, const Json& json) {
  const Attributes a(name, json);
  auto node =
      std::make_unique<BatchNorm>(name, std::move(inputs), a.integer("channels", 1, kMaxChannels),
                                  a.boolean("affine"), a.positive("eps"), a.positive("momentum"));
  node->read_inserted(a);
  return node;
}

}  // namespace nodes

NodePtr make_batch_norm(std::string name, int input, int channels, bool affine, float eps,
                        float momentum) {
  return std::make_unique<nodes::BatchNorm>(std::move(name), std::vector{input}, channels, affine,
                                            eps, momentum);
}

}  // namespace gsx
