// Differentiable operations. Images are N C H W; filters K C R S. Every op checks its arguments and
// throws Error with a one-sentence message. Values marked "no gradient" are constants to autodiff.
#pragma once
#include <optional>
#include <vector>

#include "engine/autodiff.h"
#include "kernels/conv.h"
#include "kernels/pointwise.h"
#include "kernels/resize.h"
#include "kernels/scalar.h"

namespace gsx {

// ---- Convolutions ----

struct Padding {
  int top = 0, bottom = 0, left = 0, right = 0;
  static constexpr Padding all(int p) { return {p, p, p, p}; }
  friend bool operator==(const Padding&, const Padding&) = default;
};
using kernels::PadMode;  // zero, reflect, replicate
using kernels::PerAxis;  // a number for rows and one for columns; one int is both

struct ConvOptions {
  PerAxis stride = 1;
  Padding pad = {};
  PadMode pad_mode = PadMode::zero;
  PerAxis dilation = 1;
  int groups = 1;  // equal parts that the channels of x and of the result fall into
};
// Mean and biased variance of a result per image and channel, [N,C] each; no gradient. A
// convolution takes them, when asked, while its result is at hand, and spares the instance norm
// after it a pass.
struct Moments {
  Tensor mean, var;
};
// x [N,C,H,W], w filter [K,C/groups,R,S], bias [K] or undefined -> [N,K,P,Q],
// P = (H + top + bottom - (R-1)*dilation - 1)/stride + 1. With as many groups as channels on both
// sides the convolution is depthwise. moments: what to fill, or null.
Tensor conv2d(const Tensor& x, const Tensor& w, const Tensor& bias, const ConvOptions& = {},
              Moments* moments = nullptr);
// x [N,C,H,W], w filter [K,C/groups,R,S] (K output channels; PyTorch's [C,K/groups,R,S] is
// transposed when files are read) -> [N,K,P,Q], P = (H-1)*stride + (R-1)*dilation + 1 - top -
// bottom. PyTorch's (padding p, output_padding o) is pad {p, p-o, p, p-o}, each axis with its own.
// pad_mode must be zero.
Tensor conv_transpose2d(const Tensor& x, const Tensor& w, const Tensor& bias,
                        const ConvOptions& = {}, Moments* moments = nullptr);
// x [N,F], w [O,F], bias [O] or undefined -> [N,O].
Tensor linear(const Tensor& x, const Tensor& w, const Tensor& bias);

// ---- Activations and fake quantisation (elementwise, any shape) ----

using kernels::Activation;  // none, relu, leaky_relu, tanh, sigmoid
Tensor activate(const Tensor& x, Activation, float slope = 0.2f);
inline Tensor relu(const Tensor& x) { return activate(x, Activation::relu); }
inline Tensor leaky_relu(const Tensor& x, float slope) {
  return activate(x, Activation::leaky_relu, slope);
}
inline Tensor tanh(const Tensor& x) { return activate(x, Activation::tanh); }
inline Tensor sigmoid(const Tensor& x) { return activate(x, Activation::sigmoid); }

using kernels::Pointwise;  // clip, silu, hard_swish, gelu, gelu_tanh, softplus, sqrt
using kernels::PointwiseOptions;
// Formulas: kernels/pointwise.h.
Tensor pointwise(const Tensor& x, Pointwise, const PointwiseOptions& = {});
inline Tensor silu(const Tensor& x) { return pointwise(x, Pointwise::silu); }
inline Tensor hard_swish(const Tensor& x) { return pointwise(x, Pointwise::hard_swish); }
inline Tensor gelu(const Tensor& x) { return pointwise(x, Pointwise::gelu); }
// lo <= hi; the gradient is 1 inside, bounds included.
inline Tensor clip(const Tensor& x, float lo, float hi) {
  return pointwise(x, Pointwise::clip, {lo, hi});
}
// beta > 0.
inline Tensor softplus(const Tensor& x, float beta = 1, float threshold = 20) {
  return pointwise(x, Pointwise::softplus, {beta, threshold});
}
// x where it is not negative, slope[c] * x below. x [N,C,H,W] or [N,C]; slope [C], or [1] for all.
Tensor prelu(const Tensor& x, const Tensor& slope);
// Over the channels of an image, or over the last dimension of a dense tensor.
Tensor softmax(const Tensor& x);

// A uniform grid of quantised values lo..hi with step `scale`:
// q(v) = scale * clamp(round_half_even(v / scale), lo, hi). As the paper does it (PAPER.md 1.3), v
// is first clamped to [clamp_lo, clamp_hi]; the straight-through gradient is 1 inside those bounds
// (inclusive) and 0 outside (Eq. 9).
struct QuantRange {
  float scale = 1;
  int lo = 0, hi = 255;
  float clamp_lo = 0, clamp_hi = 255;
};
enum class QuantGrid : uint8_t { int8, official, paper };
// Activations in [0, p] (or [-p, p] when is_signed): int8: s = p/255, quantised values 0..255
// (signed: s = p/127, -127..127); official and paper: s = p/2^8, quantised values 0..256 (signed: s
// = p/2^7, -128..128).
QuantRange activation_range(QuantGrid, float p, bool is_signed);
Tensor fake_quantize(const Tensor& x, const QuantRange&);

// Weights: quantised values round(w / s), s = max|w|/127 (paper: max|w|/128), over the whole filter
// or per output channel k. Straight-through gradient 1 (Eq. 10); s is a constant to autodiff. An
// all-zero channel has s = 0 and quantised values 0. w: filter [K,C,R,S] or dense [O,F]. Of 4 bits
// s = max|w|/7 on every grid.
struct WeightQuant {
  QuantGrid grid = QuantGrid::int8;
  bool per_channel = true;
  int bits = 8;  // or 4
};
Tensor weight_scales(const Tensor& w, const WeightQuant&);  // [K] or [1], no gradient
Tensor fake_quantize_weight(const Tensor& w, const WeightQuant&);
Tensor fake_quantize_weight(const Tensor& w, const WeightQuant&, const Tensor& scales);

// ---- Normalisation, with what usually follows fused in ----

// y = quantize(activate(gamma * (x - mean) / sqrt(var + eps) + beta)) + residual, one pass. mean
// and (biased) var per image and channel. gamma, beta: [C], both or neither; residual: like x or
// undefined; moments: of x, where a convolution has taken them, else undefined.
struct NormOptions {
  float eps = 1e-5f;
  Activation activation = Activation::none;
  float slope = 0.2f;
  std::optional<QuantRange> quantize;
};
Tensor instance_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                     const NormOptions& = {}, const Tensor& residual = {},
                     const Moments& moments = {});

// Statistics per channel over batch and pixels. Training: from the batch (biased var to normalise),
// running = (1-momentum)*running + momentum*batch (unbiased var), in place, no gradient;
// evaluation: from running_mean, running_var [C]. gamma, beta: [C], both or neither.
struct BatchNormOptions {
  float eps = 1e-5f;
  float momentum = 0.1f;
  bool training = false;
};
Tensor batch_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                  const Tensor& running_mean, const Tensor& running_var,
                  const BatchNormOptions& = {});

// Statistics per image and group of C / groups neighbouring channels, over these and the pixels;
// one group: layer norm over C, H, W. gamma, beta: [C], both or neither.
struct GroupNormOptions {
  int groups = 1;
  float eps = 1e-5f;
  // What is left of each group of a cut network, if it is one: the channels it still has, how many
  // it had, and of the constants that the lost ones held at every pixel the mean and the sum of
  // squared distances from it. These still count in the statistics. Empty, or one per group.
  struct Rest {
    int kept = 0, count = 0;
    float lost_mean = 0, lost_squares = 0;
  };
  std::vector<Rest> rests = {};
};
Tensor group_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                  const GroupNormOptions&);

// ---- Weights ----

// w / sigma with sigma = u^T W v, the largest singular value of a filter [K,C,R,S] or matrix [K,F]
// taken as W [K, everything else], when u and v are its unit vectors. u: [K]; v: a filter [1,C,R,S]
// or [1,F]. The gradient goes through sigma; u and v have none (as torch.nn.utils.spectral_norm).
Tensor spectral_norm(const Tensor& w, const Tensor& u, const Tensor& v);
// Brings the vectors nearer, in place: v = W^T u, then u = W v, each divided by its length.
void power_iteration(const Tensor& w, const Tensor& u, const Tensor& v);

// ---- Arithmetic ----

// Of one shape; or dimensions of 1 repeat, and a scalar (rank 0) everywhere: per-channel numbers
// [N,C,1,1], masks [N,1,H,W]. Ranks are not extended otherwise.
Tensor add(const Tensor& a, const Tensor& b);
Tensor sub(const Tensor& a, const Tensor& b);
Tensor mul(const Tensor& a, const Tensor& b);
Tensor div(const Tensor& a, const Tensor& b);
Tensor affine(const Tensor& x, float scale, float shift);  // scale*x + shift
// Per channel [C]; either may be undefined.
Tensor channel_affine(const Tensor& x, const Tensor& scale, const Tensor& shift);
// Every filter of a bank [K,C,R,S] times its number of scale [K].
Tensor scale_filters(const Tensor& w, const Tensor& scale);
Tensor sum(const Tensor& x);   // -> scalar
Tensor mean(const Tensor& x);  // -> scalar
// The mean over these dimensions (0 .. rank - 1, ascending), which become 1.
Tensor reduce_mean(const Tensor& x, const std::vector<int>& axes);
Tensor dot(const Tensor& a, const Tensor& b);  // sum of products -> scalar

// ---- Shape and resampling ----

// Logical order; copies when either side is an image.
Tensor reshape(const Tensor& x, const Shape&);
Tensor pad2d(const Tensor& x, const Padding&, PadMode);  // negative padding crops (zero mode)
Tensor upsample_nearest(const Tensor& x, int factor);
Tensor concat(const std::vector<Tensor>& xs);  // along channels; images, or dense [N, C]
// Every `step`-th from `begin` on, before `end`; negative positions count from the end, and those
// beyond it mean the end.
struct SliceRange {
  int64_t begin = 0, end = INT64_MAX, step = 1;
  int64_t first(int64_t extent) const;  // of the positions in 0 .. extent - 1
  int64_t count(int64_t extent) const;  // how many there are
};
// Images, or dense [N, C] with whole rows and columns.
Tensor slice(const Tensor& x, const SliceRange& channels, const SliceRange& rows = {},
             const SliceRange& columns = {});
// Dimension i of the result is dimension axes[i] of x.
Tensor transpose(const Tensor& x, const std::vector<int>& axes);
// Channels into pixels, [N, C r^2, H, W] -> [N, C, H r, W r], and back. Pixel (i, j) of each r x r
// block is, of channel c, channel c r^2 + i r + j (crd: PyTorch, ONNX's CRD) or
// (i r + j) C + c (dcr: TensorFlow, ONNX's DCR).
enum class ShuffleOrder : uint8_t { crd, dcr };
Tensor pixel_shuffle(const Tensor& x, int factor, ShuffleOrder = ShuffleOrder::crd);
Tensor pixel_unshuffle(const Tensor& x, int factor, ShuffleOrder = ShuffleOrder::crd);
using kernels::ResizeCoordinates;  // asymmetric, half_pixel, pytorch_half_pixel, align_corners
using kernels::ResizeMode;         // nearest, linear
using kernels::ResizeRounding;     // of nearest: round_prefer_floor, round_prefer_ceil, floor, ceil
using kernels::ResizeRule;
// To height x width, or where these are 0 by the scales: to floor(H scale_h) x floor(W scale_w).
struct ResizeOptions {
  ResizeRule rule = {};
  int64_t height = 0, width = 0;
  double scale_h = 0, scale_w = 0;
  Shape output(const Shape& x) const;  // [N,C,H,W] -> the result's; Error where it has no pixels
};
Tensor resize(const Tensor& x, const ResizeOptions&);
// a [N,A,F] times b [N,F,B], or [N,B,F] when b_transposed -> [N,A,B].
Tensor matmul(const Tensor& a, const Tensor& b, bool b_transposed = false);
// Images [first, first + count) of a batch N ..., images or dense, and batches put together.
Tensor slice_batch(const Tensor& x, int64_t first, int64_t count);
Tensor concat_batch(const std::vector<Tensor>& xs);
struct PoolOptions {
  int size = 2, stride = 2, pad = 0;
  bool ceil_mode = false;          // as PyTorch: windows start inside the image or its left padding
  bool count_include_pad = false;  // average pooling
};
Tensor max_pool(const Tensor& x, const PoolOptions& = {});
Tensor avg_pool(const Tensor& x, const PoolOptions& = {});
Tensor global_avg_pool(const Tensor& x);  // [N,C,H,W] -> [N,C,1,1]

// ---- Losses and their parts (all means over every element -> scalar) ----

Tensor gram(const Tensor& x);  // [N,C,C] = F F^T / (C*H*W), F = [C, H*W] per image
Tensor l1_loss(const Tensor& a, const Tensor& b);
Tensor mse_loss(const Tensor& a, const Tensor& b);
Tensor mse_to(const Tensor& x, float target);  // LSGAN: mean (x - target)^2
// mean of target*softplus(-x) + (1-target)*softplus(x)
Tensor bce_with_logits(const Tensor& x, float target);
enum class Hinge : uint8_t { real, fake, generator };  // mean max(0,1-x), max(0,1+x), -x
Tensor hinge_loss(const Tensor& x, Hinge);

}  // namespace gsx
