// Scales that are inserted behind convolutions to prune by (gs/passes/insert_scales.h): numbers [K]
// that stand in the layer, so that what is quantised is filter times scale and folding moves no
// bit.
#include "models/nodes/weighted.h"

namespace gsx::nodes {

void Weighted::insert_scale(const ContextPtr& context) {
  GSX_CHECK(takes_scale(), "insert_scale: node ", name,
            " must be a convolution of channels that has no scale yet");
  scale_.shape = Shape{out_};
  if (context) scale_.value = Tensor::full(context, scale_.shape, 1);
}

Tensor Weighted::scaled(const Parameter& p) const {
  if (!p.value.defined() || !scale_.value.defined()) return p.value;
  return p.shape.rank() == 4 ? scale_filters(p.value, scale_.value) : mul(p.value, scale_.value);
}

// Multiplies filters and biases by the scale and leaves of it only which channels are alive: 1 or
// 0, a product with which moves no bit.
void Weighted::settle_scale() {
  if (!scale_.value.defined()) return;
  const NoGrad no_grad;
  for (Parameter* p : {&weight_, &bias_, &tap_bias_})
    if (p->value.defined()) set_values(*p, p->shape, scaled(*p).to_vector());
  std::vector<float> alive = scale_.value.to_vector();
  for (float& s : alive) s = s != 0 ? 1.0f : 0.0f;
  set_values(scale_, scale_.shape, alive);
}

void Weighted::fold_scale() {
  settle_scale();
  scale_.shape = {};
  scale_.value = {};
}

}  // namespace gsx::nodes
