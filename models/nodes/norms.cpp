// The shared part of instance norm and batch norm; see norms.h.
#include "models/nodes/norms.h"

namespace gsx::nodes {

Norm::Norm(std::string n, std::vector<int> input_nodes, int channels, bool affine, bool running)
    : channels_(channels), affine_(affine), running_(running) {
  name = std::move(n);
  inputs = std::move(input_nodes);
  const Shape shape{channels};
  gamma_ = {name + ".weight", Role::gamma, shape, {}, false};
  beta_ = {name + ".bias", Role::beta, shape, {}, false};
  running_mean_ = {name + ".running_mean", Role::running_mean, shape, {}, false};
  running_var_ = {name + ".running_var", Role::running_var, shape, {}, false};
}

std::vector<Parameter*> Norm::parameters() {
  std::vector<Parameter*> result;
  if (affine_) result = {&gamma_, &beta_};
  if (running_) result.insert(result.end(), {&running_mean_, &running_var_});
  return result;
}

Shape Norm::infer_shape(std::span<const Shape> in) const {
  const Shape& x = only_input(*this, in, 4);
  GSX_CHECK(x[1] == channels_, kind(), ": node ", name, " takes ", channels_,
            " channels, got shape ", x);
  return x;
}

void Norm::insert_scale(const ContextPtr& context) {
  GSX_CHECK(takes_scale(), kind(), ": node ", name, " must have no scales yet to be given some");
  affine_ = inserted_ = true;
  if (!context) return;
  gamma_.value = Tensor::full(context, gamma_.shape, 1);
  beta_.value = Tensor::zeros(context, beta_.shape);
}

Json Norm::norm_attributes(float eps) const {
  Json json = {{"channels", channels_}, {"affine", affine_}, {"eps", shortest(eps)}};
  if (inserted_) json["inserted"] = true;
  if (unbiased_) json["unbiased"] = true;
  return json;
}

void Norm::read_inserted(const Attributes& a) {
  inserted_ = affine_ && a.has("inserted") && a.boolean("inserted");
}

void Norm::read_unbiased(const Attributes& a) {
  unbiased_ = a.has("unbiased") && a.boolean("unbiased");
}

void Norm::cut(const ChannelCut& cut) {
  channels_ = static_cast<int>(cut.keep_output.size());
  for (Parameter* p : parameters()) keep_channels(*p, cut.keep_output);
}

}  // namespace gsx::nodes
