// Operations of the integer program (docs/design.md): exact convolution of 8-bit values, norms of
// exact sums, and pointwise steps. No gradients. Images are N C H W; every operation checks its
// arguments and throws Error with a one-sentence message.
#pragma once
#include <optional>
#include <vector>

#include "engine/ops.h"
#include "kernels/integer.h"

namespace gsx {

// The values code * scale. data: u8, s8 or s16, whichever range.type() says.
struct QuantizedTensor {
  Tensor data;
  float scale = 1;
  kernels::IntegerRange range;

  // Quantised values without values, for an image or vectors of this shape.
  static QuantizedTensor empty(const ContextPtr&, const Shape&, float scale, kernels::IntegerRange);
};
DType dtype_of(kernels::QuantizedType);

// 8-bit quantised filters as this device's convolutions read them: one byte per weight.
struct PrepackedWeights {
  Tensor data;                // s8, dense
  kernels::ConvShape layout;  // of which the filter, stride, padding and direction count

  bool defined() const { return data.defined(); }
};
// quantised values: s8 filter [K,C,R,S] in [-127, 127].
PrepackedWeights prepack(const Tensor& quantized, const kernels::ConvShape& layout);
Tensor unpack(const PrepackedWeights&);  // the quantised values again

// What is added to sums besides: i32, a number per output channel and tap [K,R*S], or per output
// channel [K].
struct QuantizedTaps {
  Tensor quantized;  // undefined: nothing
  kernels::TapBias kind = kernels::TapBias::everywhere;
};

// A convolution of quantised values: its sums are x times the weights plus taps, i32 [N,K,P,Q].
struct QuantizedConvolution {
  QuantizedTensor x;
  PrepackedWeights weights;  // undefined: sums of nothing but taps
  kernels::ConvShape shape;
  QuantizedTaps taps;
};
// statistics: what to fill with the sums' exact statistics, or null.
Tensor convolve_quantized(const QuantizedConvolution&, Tensor* statistics = nullptr);
// Bytes of sums that norm_of_bands and pass_of_bands have at once, which take a convolution's sums
// band by band of rows, in less memory and with the same bits. 0: it can't be cut into bands, or
// is too small for that to matter.
double band_bytes(const kernels::ConvShape&);

// A norm's first pass: the values are fma(x - middle, slope, shift) with these [N, channel stride]
// numbers; middle is i32 of sums and f32 of real values.
struct NormLine {
  Tensor middle, slope, shift;
};
struct NormSpec {
  Tensor gamma, beta;  // [C], both or neither
  float eps = 1e-5f;
  bool unbiased = false;  // the variance divides by n - 1 instead of n elements, n > 1
};
// The same norm of x, whose statistics are over n elements each, by a variance that divides by n.
// Differentiable in gamma and beta.
NormSpec by_biased_variance(const NormSpec&, const Tensor& x, int64_t n);
// Of sums * scales[k]; statistics as convolve_quantized gives them, or undefined.
NormLine norm_of_sums(const Tensor& accumulators, const Tensor& statistics, const Tensor& scales,
                      const NormSpec&);
NormLine norm_of_bands(const QuantizedConvolution&, const Tensor& scales, const NormSpec&);
// Of real values, in double over a fixed tree.
NormLine norm_of_reals(const Tensor& x, const NormSpec&);

// Convolution of real values in double and in a fixed order: the same bits everywhere. x [N,C,H,W],
// w filter, bias [K] or undefined.
Tensor convolve_reals(const Tensor& x, const Tensor& w, const Tensor& bias,
                      const kernels::ConvShape& shape);

// One operation of a pointwise pass; see kernels/fused_pass.h. Per-channel numbers hold a channel
// stride of them, zeros in padding lanes (padded_channels), [N, channel stride] where `per_image`.
struct PassStep {
  kernels::PassOp op;  // but its pointers
  Tensor a, b, other;
};
// Numbers of channels with the padding lanes of an image (or vectors) of that many channels.
Tensor padded_channels(const ContextPtr&, const std::vector<float>&, bool image);

struct PassSource {
  Tensor reals;  // one of these three
  QuantizedTensor quantized;
  Tensor accumulators;  // i32
  Tensor middle;        // of sums, i32 [N, channel stride], or undefined

  const Tensor& tensor() const;
};
// What a pass makes of its source: real values, quantised values, or both.
struct PassResult {
  Tensor reals;               // f32, or undefined
  QuantizedTensor quantized;  // as asked for, or without data
};
// into: where real values go, a tensor like the source that may be one of those read (sums for
// instance), whose values are lost; undefined: a fresh one.
PassResult fused_pass(const PassSource&, const std::vector<PassStep>&, bool want_reals,
                      const std::optional<QuantRange>& quantizer, const Tensor& into = {});

// The same of a convolution's sums, less `middle` where that is defined.
PassResult pass_of_bands(const QuantizedConvolution&, const Tensor& middle,
                         const std::vector<PassStep>&, bool want_reals,
                         const std::optional<QuantRange>& quantizer);
}  // namespace gsx
