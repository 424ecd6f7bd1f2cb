// Quantised values of weights: loops that the compiler vectorises.
#include <algorithm>

#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/integer_steps.h"
#include "kernels/cpu/parallel.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/quantized_weights.cpp"
#include "kernels/cpu/simd.h"
// Highway comes after the choice of targets.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace gsx::kernels {
namespace HWY_NAMESPACE {
namespace {

int8_t weight_byte(float w, float step) {
  const float level = scalar::clamp(scalar::quantized_weight(w, step), -127.0f, 127.0f);
  return static_cast<int8_t>(static_cast<int32_t>(level));
}

// n weights of one step, and of a step each.
void quantized_of_row(int64_t n, float step, const float* HWY_RESTRICT w,
                      int8_t* HWY_RESTRICT quantized) {
  for (int64_t i = 0; i < n; ++i) quantized[i] = weight_byte(w[i], step);
}
void quantized_of_row(int64_t n, const float* HWY_RESTRICT steps, const float* HWY_RESTRICT w,
                      int8_t* HWY_RESTRICT quantized) {
  for (int64_t i = 0; i < n; ++i) quantized[i] = weight_byte(w[i], steps[i]);
}

}  // namespace

void QuantizedWeights(Exec& e, const ChannelBlocks& b, bool per_channel, const float* w,
                      const float* scales, int8_t* quantized) {
  const int64_t block = b.ks * b.inner, counted = b.k * b.inner;
  e.pool->for_ranges(b.outer, pixel_grain(block), [&](int64_t begin, int64_t end) {
    for (int64_t at = begin * block; at < end * block; at += block) {
      if (!per_channel) {
        quantized_of_row(counted, scales[0], w + at, quantized + at);
      } else if (b.inner == 1) {
        quantized_of_row(b.k, scales, w + at, quantized + at);
      } else {
        for (int64_t k = 0; k < b.k; ++k)
          quantized_of_row(b.inner, scales[k], w + at + k * b.inner, quantized + at + k * b.inner);
      }
      std::fill(quantized + at + counted, quantized + at + block, int8_t{0});
    }
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace gsx::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gsx::kernels {
HWY_EXPORT(QuantizedWeights);
void quantized_weights(Exec& e, const ChannelBlocks& b, bool per_channel, const float* w,
                       const float* scales, int8_t* quantized) {
  GSX_DISPATCH(QuantizedWeights)(e, b, per_channel, w, scales, quantized);
}
}  // namespace gsx::kernels
#endif
