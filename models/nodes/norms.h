// What instance norm and batch norm share: gamma and beta, and how channels are cut from them.
#pragma once
#include "models/nodes/common.h"

namespace gsx::nodes {

class Norm : public Node {
 public:
  // Reads "inserted" of a file.
  void read_inserted(const Attributes&);
  // Reads "unbiased" of a file: kinds whose statistics are of one image.
  void read_unbiased(const Attributes&);
  void set_unbiased() { unbiased_ = true; }
  std::vector<Parameter*> parameters() override;
  using Node::parameters;
  Shape infer_shape(std::span<const Shape> in) const override;
  // gamma 0, or an input that is constant over the image (instance norm), leaves beta.
  void cut(const ChannelCut&) override;
  bool takes_scale() const override { return !affine_; }
  void insert_scale(const ContextPtr&) override;
  bool scale_is_inserted() const override { return inserted_; }

 protected:
  Norm(std::string name, std::vector<int> inputs, int channels, bool affine, bool running);
  float beta_of(int c) const { return beta_.value.defined() ? beta_.value.at(c) : 0.0f; }
  bool gamma_is_zero(int c) const { return gamma_.value.defined() && gamma_.value.at(c) == 0; }
  // "channels", "affine", "eps", "inserted", "unbiased": what files say about all norms.
  Json norm_attributes(float eps) const;
  NormSpec spec(float eps) const { return {gamma(), beta(), eps, unbiased_}; }
  int channels() const { return channels_; }
  bool affine() const { return affine_; }
  const Tensor& gamma() const { return gamma_.value; }
  const Tensor& beta() const { return beta_.value; }

  Parameter running_mean_, running_var_;

 private:
  int channels_;
  bool affine_, running_;
  bool unbiased_ = false;
  bool inserted_ = false;  // whether gamma and beta were
  Parameter gamma_, beta_;
};

}  // namespace gsx::nodes
