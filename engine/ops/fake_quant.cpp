// Quantiser ranges, and fake quantisation with straight-through gradients.
#include <algorithm>

#include "engine/ops/common.h"

namespace gsx {
using namespace ops;

namespace {

kernels::ChannelBlocks blocks_of(const char* op, const Tensor& w) {
  check_f32(op, "w", w);
  if (w.layout() == Layout::filter) {
    const kernels::FilterView v = w.filter_view();
    return {static_cast<int64_t>(v.r) * v.s * v.c, v.k, v.ks, 1};
  }
  GSX_CHECK(w.shape().rank() == 2, op, ": w must be a filter K C R S or dense [O, F], got shape ",
            w.shape());
  return {1, w.dim(0), w.dim(0), w.dim(1)};
}

// The largest quantised value of a weight.
float levels(const WeightQuant& options) {
  GSX_CHECK(options.bits == 8 || options.bits == 4, "weight_scales: bits must be 8 or 4, got ",
            options.bits);
  if (options.bits == 4) return 7.0f;
  return options.grid == QuantGrid::paper ? 128.0f : 127.0f;
}

// What the kernel makes of w, from the largest values that are known already.
Tensor scales_of(const Tensor& w, const KeptLargest& kept, const WeightQuant& options) {
  std::vector<float> largest(kept.of_channel.begin(), kept.of_channel.begin() + w.dim(0));
  float of_all = 0;
  for (const float x : largest) of_all = std::max(of_all, x);
  if (!options.per_channel) largest = {of_all};
  for (float& x : largest) x /= levels(options);
  return Tensor::from(w.context(), largest, Shape{static_cast<int64_t>(largest.size())});
}

}  // namespace

QuantRange activation_range(QuantGrid grid, float p, bool is_signed) {
  GSX_CHECK(p > 0, "activation_range: p must be positive, got ", p);
  const float lo = is_signed ? -p : 0.0f;
  if (grid == QuantGrid::int8) {
    const int top = is_signed ? 127 : 255;
    return {p / static_cast<float>(top), is_signed ? -top : 0, top, lo, p};
  }
  const int top = is_signed ? 128 : 256;
  return {p / static_cast<float>(top), is_signed ? -top : 0, top, lo, p};
}

Tensor fake_quantize(const Tensor& x, const QuantRange& range) {
  check_f32("fake_quantize", "x", x);
  const kernels::Quantizer q = quantizer_of("fake_quantize", range);
  Tensor y = Tensor::empty_like(x);
  x.backend().fake_quant.forward(x.exec(), x.storage_size(), q, in(x), out(y));
  return record(y, "fake_quantize", {x}, [x = x.detach(), q](const Tensor& gy, Grads& grads) {
    Tensor gx = Tensor::empty_like(x);
    x.backend().fake_quant.backward(x.exec(), x.storage_size(), q, in(x), in(gy), out(gx));
    grads.add(0, gx);
  });
}

Tensor weight_scales(const Tensor& w, const WeightQuant& options) {
  const auto blocks = blocks_of("weight_scales", w);
  if (const KeptLargest* kept = w.kept_largest(); kept && kept->valid)
    return scales_of(w, *kept, options);
  // Weights in training are asked for their scales once a step.
  if (w.layout() == Layout::filter && w.requires_grad()) w.keep_largest();
  Tensor scales = Tensor::empty(w.context(), Shape{options.per_channel ? blocks.k : 1});
  w.backend().fake_quant.weight_scales(w.exec(), blocks, levels(options), options.per_channel,
                                       in(w), out(scales));
  return scales;
}

Tensor fake_quantize_weight(const Tensor& w, const WeightQuant& options) {
  return fake_quantize_weight(w, options, weight_scales(w, options));
}

Tensor fake_quantize_weight(const Tensor& w, const WeightQuant& options, const Tensor& scales) {
  const auto blocks = blocks_of("fake_quantize_weight", w);
  const Shape want{options.per_channel ? blocks.k : 1};
  check_f32("fake_quantize_weight", "scales", scales);
  GSX_CHECK(scales.shape() == want, "fake_quantize_weight: scales must have shape ", want, ", got ",
            scales.shape());
  check_device("fake_quantize_weight", "scales", scales, "w", w);
  Tensor y = Tensor::empty_like(w);
  w.backend().fake_quant.weight_forward(w.exec(), blocks, options.per_channel, in(w), in(scales),
                                        out(y));
  return record(y, "fake_quantize_weight", {w},
                [](const Tensor&, Grads& grads) { grads.hand_on(0); });
}

}  // namespace gsx
