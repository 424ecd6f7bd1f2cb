// The integer program's own steps (convolution of quantised values is in conv.h): quantised values
// of weights, tap biases, statistics of norms and what follows them pixel by pixel, and convolution
// of real values. Sums of integers are exact, sums of real values are taken in double in a fixed
// order, every other step is one formula per element: the bits depend on nothing but the data.
// Images are NHWC with padded channel stride; padding lanes are written as zeros.
#pragma once
#include "kernels/conv.h"
#include "kernels/fake_quant.h"
#include "kernels/fused_pass.h"

namespace gsx::kernels {

// What a tap bias holds: a number per channel and tap, which is added where that tap falls inside
// the input (never in a zero-padded ring, and between the pixels a transposed convolution sets
// apart), or one per channel for every pixel. A filter of one tap may have either.
enum class TapBias : uint8_t { per_tap, everywhere };

// What a norm makes of x in its first pass: fma(x - middle, slope, shift), [n, cs] numbers each,
// zeros in padding lanes. Where x are integers, so is their middle.
struct NormLine {
  void* middle = nullptr;  // int32_t of integers, float of real values
  float* slope = nullptr;
  float* shift = nullptr;
};

struct NormParameters {
  const float* gamma = nullptr;  // v.c numbers, or null with beta (1)
  const float* beta = nullptr;   // likewise (0)
  float eps = 1e-5f;
};

struct IntegerKernels {
  // quantised values = round(w / s) of each weight, limited to +-127; padding lanes zero. Layout
  // and scales as FakeQuantKernels.
  void (*quantized_weights)(Exec&, const ChannelBlocks&, bool per_channel, const float* w,
                            const float* scales, int8_t* quantized);
  // y[n,p,q,k] += the sum of t[k, tap] over the taps that fall inside the input for that pixel (all
  // of them where padding shows pixels), or t[k].
  void (*add_taps)(Exec&, const ConvShape&, TapBias, const int32_t* t, int32_t* y);
  // What forward_quantized takes on the way, of any integers, |x| < 2^30.
  void (*exact_sums)(Exec&, const View&, const int32_t* x, ExactSums);
  // Instance norm of the values x * scale[k] from the exact sums of x: with exact mean and (biased)
  // variance per image and channel, middle the mean rounded to an integer, and in double
  // slope = gamma*scale/sqrt(var*scale^2 + eps), shift = beta - slope*(mean - middle).
  void (*norm_of_integers)(Exec&, const View&, ExactSums, const float* scale, const NormParameters&,
                           const NormLine&);
  // The same of real values: mean and then variance in double, kFixedChunk pixels after each other,
  // chunks by a binary tree; middle is the mean as a float.
  void (*norm_of_reals)(Exec&, const View&, const float* x, const NormParameters&, const NormLine&);
  void (*fused_pass)(Exec&, const View&, const FusedPass&);
  // Convolution of real values (conv.h): every product is exact in double, and those of an output
  // are added to its bias in double by rows of taps, taps and channels, in this order. For layers
  // that have no quantised values; slow.
  void (*convolve_reals)(Exec&, const ConvShape&, const float* x, const float* w, const float* bias,
                         float* y);
};
extern const IntegerKernels cpu_integer;

constexpr int64_t kFixedChunk = 64;

}  // namespace gsx::kernels
