// What a layer's weight is multiplied by before it is used. Scales that are inserted behind
// convolutions to prune by (gs/passes/insert_scales.h): numbers [K] that stand in the layer, so
// that what is quantised is filter times scale and folding moves no bit. Spectral norms, by which
// it is divided. And lines of batch norms behind the layer, once training is over.
#include "models/nodes/weighted.h"

namespace gsx::nodes {

void Weighted::insert_scale(const ContextPtr& context) {
  GSX_CHECK(takes_scale(), "insert_scale: node ", name,
            " must be a convolution of channels that has no scale yet");
  scale_.shape = Shape{out_};
  if (context) scale_.value = Tensor::full(context, scale_.shape, 1);
}

Tensor Weighted::scaled(const Parameter& p) const {
  const bool normed = &p == &weight_ && p.value.defined() && right_.value.defined();
  const Tensor value = normed ? spectral_norm(p.value, left_.value, right_.value) : p.value;
  if (!value.defined() || !scale_.value.defined()) return value;
  return p.shape.rank() == 4 ? scale_filters(value, scale_.value) : mul(value, scale_.value);
}

// Multiplies filters and biases by the scale and leaves of it only which channels are alive: 1 or
// 0, a product with which moves no bit.
void Weighted::settle_scale() {
  settle_spectral_norm();
  if (!scale_.value.defined()) return;
  const NoGrad no_grad;
  for (Parameter* p : {&weight_, &bias_, &tap_bias_})
    if (p->value.defined()) set_values(*p, p->shape, scaled(*p).to_vector());
  std::vector<float> alive = scale_.value.to_vector();
  for (float& s : alive) s = s != 0 ? 1.0f : 0.0f;
  set_values(scale_, scale_.shape, alive);
}

void Weighted::take_spectral_norm() {
  GSX_CHECK(!constant_input(), kind(), ": node ", name,
            " must have a weight to be divided by its spectral norm");
  left_.shape = Shape{out_};
  right_.shape = matrix_ ? Shape{1, in_} : Shape{1, group_in(), r_, s_};
}

// Writes the weight as it counts.
void Weighted::settle_spectral_norm() {
  if (right_.value.defined() && weight_.value.defined()) {
    const NoGrad no_grad;
    set_values(weight_, weight_.shape,
               spectral_norm(weight_.value, left_.value, right_.value).to_vector());
  }
  for (Parameter* p : {&left_, &right_}) *p = {p->name, p->role, Shape{}, {}, false};
}

void Weighted::fold_scale() {
  settle_scale();
  scale_.shape = {};
  scale_.value = {};
}

// Where weights are quantised, what is multiplied are their rounded values, and the steps along
// with them: so every quantised value stays as it was, but for its sign.
bool Weighted::absorb(const ChannelLine& line) {
  const bool one_step = quant_ && !constant_input() && !quant_->per_channel;
  const bool no_step = quant_ && constant_input() && !present(weight_scale_);
  const bool no_value = constant_input() ? !bias_.value.defined() : !weight_.value.defined();
  if (one_step || no_step || no_value) return false;
  const NoGrad no_grad;
  fold_scale();
  if (quant_ && present(weight_)) {
    if (!weight_scale_.value.defined()) freeze_weight_scale();
    set_values(weight_, weight_.shape, effective_weight({}).to_vector());
  }
  const auto multiply = [&](Parameter& p, bool by_size) {
    if (!p.value.defined()) return;
    std::vector<float> values = p.value.to_vector();
    const size_t each = values.size() / line.scale.size();
    for (size_t i = 0; i < values.size(); ++i) {
      const double s = line.scale[i / each];
      values[i] = static_cast<float>(values[i] * (by_size ? std::abs(s) : s));
    }
    set_values(p, p.shape, values);
  };
  std::vector<float> bias(line.shift.begin(), line.shift.end());
  if (bias_.value.defined()) {
    const std::vector<float> before = bias_.value.to_vector();
    for (size_t k = 0; k < bias.size(); ++k)
      bias[k] = static_cast<float>(before[k] * line.scale[k] + line.shift[k]);
  }
  bias_.shape = Shape{out_};
  set_values(bias_, bias_.shape, bias);
  multiply(weight_, false);
  multiply(tap_bias_, false);
  multiply(weight_scale_, true);
  return true;
}

}  // namespace gsx::nodes
