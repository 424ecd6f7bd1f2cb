// The integer program's own steps (convolution of codes is in conv.h): from floats to codes, tap
// biases, and instance norm of exact integer sums. All sums are exact, every other step is one
// formula per element, so the bits depend on nothing but the data.
// Images are NHWC with padded channel stride; padding lanes are written as zeros.
#pragma once
#include "kernels/conv.h"
#include "kernels/fake_quant.h"
#include "kernels/scalar.h"

namespace gsx::kernels {

// What a tap bias holds: a number per channel and tap, which is added where that tap falls inside
// the input (never in a zero-padded ring, and between the pixels a transposed convolution sets
// apart), or one per channel for every pixel. A filter of one tap may have either.
enum class TapBias : uint8_t { per_tap, everywhere };

struct IntegerKernels {
  // y = code of x; n counts padding lanes (code 0).
  void (*to_codes)(Exec&, int64_t n, const float* x, const Quantizer&, int16_t* y);
  // y = x * scale.
  void (*codes_to_float)(Exec&, int64_t n, const int16_t* x, float scale, float* y);
  // y = fma(x, scale[k], bias[k]); bias may be null (0).
  void (*sums_to_float)(Exec&, const View&, const int32_t* x, const float* scale, const float* bias,
                        float* y);
  // y[n,p,q,k] += the sum of t[k, tap] over the taps that fall inside the input for that pixel (all
  // of them where padding shows pixels), or t[k].
  void (*add_taps)(Exec&, const ConvShape&, TapBias, const int32_t* t, int32_t* y);
  // Instance norm of the values x * scale[k]: with exact mean and (biased) variance per image and
  // channel and m the mean rounded to an integer, y = fma(x - m, a, b) where, in double,
  // a = gamma*scale/sqrt(var*scale^2 + eps) and b = beta - a*(mean - m). gamma, beta: k floats or
  // both null (1, 0). |x| < 2^30.
  void (*instance_norm)(Exec&, const View&, const int32_t* x, const float* scale,
                        const float* gamma, const float* beta, float eps, float* y);
  // codes = round(w / s) of each weight, limited to +-127; padding lanes zero. Layout and scales as
  // FakeQuantKernels.
  void (*weight_codes)(Exec&, const ChannelBlocks&, bool per_channel, const float* w,
                       const float* scales, int8_t* codes);
};
extern const IntegerKernels cpu_integer;

}  // namespace gsx::kernels
