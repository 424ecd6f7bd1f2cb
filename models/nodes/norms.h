// What instance norm and batch norm share: gamma and beta, and how channels are cut from them.
#pragma once
#include "models/nodes/common.h"

namespace gsx::nodes {

class Norm : public Node {
 public:
  std::vector<Parameter*> parameters() override;
  using Node::parameters;
  Shape infer_shape(std::span<const Shape> in) const override;
  // gamma 0, or an input that is constant over the image (instance norm), leaves beta.
  void cut(const ChannelCut&) override;

 protected:
  Norm(std::string name, std::vector<int> inputs, int channels, bool affine, bool running);
  float beta_of(int c) const { return beta_.value.defined() ? beta_.value.at(c) : 0.0f; }
  bool gamma_is_zero(int c) const { return gamma_.value.defined() && gamma_.value.at(c) == 0; }
  int channels() const { return channels_; }
  bool affine() const { return affine_; }
  const Tensor& gamma() const { return gamma_.value; }
  const Tensor& beta() const { return beta_.value; }

  Parameter running_mean_, running_var_;

 private:
  int channels_;
  bool affine_, running_;
  Parameter gamma_, beta_;
};

}  // namespace gsx::nodes
