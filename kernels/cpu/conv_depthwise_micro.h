// The arithmetic of depthwise convolution, compiled once per instruction set: every channel by
// itself, channels side by side in vectors.
#pragma once
#include <cstdint>

namespace gsx::kernels {

// A row of pixels that meet the same taps: pixel i reads in[t] + i*in_step for tap t. In and Weight
// point at channel 0 of `lanes` channels; lanes is at most 4 or a multiple of 8, padding included.
template <class In, class Weight, class Sum>
struct DepthwiseRow {
  const In* const* in;  // [taps]
  const Weight* const* w;
  int taps, pixels, lanes;
  int64_t in_step;
  const Sum* bias;  // `lanes` values, or null
  Sum* out;
  int64_t out_step;
};

// out[i*out_step + c] = (bias[c] or 0) + sum over taps t of in[t][i*in_step + c] * w[t][c].
void depthwise_row(const DepthwiseRow<float, float, float>&);
void depthwise_row(const DepthwiseRow<int16_t, int8_t, int32_t>&);  // exact

// sums[t][c] += sum over pixels of in[t][i*in_step + c] * other[i*other_step + c].
struct DepthwiseWeightRow {
  const float* const* in;  // [taps]
  float* const* sums;
  int taps, pixels, lanes;
  int64_t in_step;
  const float* other;
  int64_t other_step;
};
void depthwise_weight_row(const DepthwiseWeightRow&);

}  // namespace gsx::kernels
