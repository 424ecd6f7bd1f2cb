// The convolution table: which correlation or weight gradient each pass is, and which kernel family
// computes it. Tensor cores take over where both channel counts exceed four; the rest is FP32. What
// is not plain (ConvShape::plain) goes to conv_general.h.
#include "kernels/conv.h"

#include <algorithm>

#include "kernels/cuda/conv_general.h"
#include "kernels/cuda/conv_launch.h"
#include "kernels/cuda/integer.h"
#include "kernels/cuda/tables.h"

namespace gsx::kernels::GSX_BACKEND {
namespace {
using namespace convolution;

// Gathering: outputs `out` of an input one stride apart. Spreading: the other way.
template <class X, class W, class Sum>
Correlation<X, W, Sum> correlation(const ConvShape& s, const View& in, const X* x, const W* w,
                                   const View& out, Sum* y, bool spread) {
  checked_count(std::max(in.pixels(), out.pixels()));
  Correlation<X, W, Sum> c;
  c.plan = {Axis::of(out.h, s.top, s.w.r, s.stride.y, spread),
            Axis::of(out.w, s.left, s.w.s, s.stride.x, spread), out.n, spread};
  c.in = Input<X>::of(in, x, PadMode::zero);
  c.w = Filter<W>::of(s.w, w);
  c.out = Output<Sum>::of(out, y);
  return c;
}

void correlate(Exec& e, const FloatCorrelation& c, Moments moments) {
  if (c.out.c <= 4) return correlate_few_outputs(e, c);
  if (c.in.c <= 4 || e.math == MathMode::fp32) return correlate_fp32(e, c, moments);
  return e.math == MathMode::tf32 ? correlate_tf32(e, c, moments) : correlate_bf16(e, c, moments);
}

void forward(Exec& e, const ConvShape& s, const float* x, const float* w, const float* bias,
             float* y, Moments moments) {
  if (!s.plain()) {
    general_forward(e, s, x, w, bias, y);
    if (moments) instance_norm.moments(e, s.y(), y, moments);
    return;
  }
  FloatCorrelation c = correlation(s, s.x, x, w, s.y(), y, s.transposed);
  c.in.reflect = s.pad_mode == PadMode::reflect;
  c.bias = bias;
  const bool on_the_way = moments && takes_moments(c);
  correlate(e, c, on_the_way ? moments : Moments{});
  if (moments && !on_the_way) instance_norm.moments(e, s.y(), y, moments);
}

void backward_input(Exec& e, const ConvShape& s, const float* gy, const float* w, float* gx) {
  if (!s.plain()) return general_backward_input(e, s, gy, w, gx);
  FloatCorrelation c = correlation(s, s.y(), gy, w, s.x, gx, !s.transposed);
  c.swapped = true;
  if (s.pad_mode == PadMode::zero) return correlate(e, c, {});
  const View wide = s.padded_x();
  Workspace::Scope scope(*e.workspace);
  c.plan.y = Axis::of(wide.h, 0, s.w.r, s.stride.y, true);
  c.plan.x = Axis::of(wide.w, 0, s.w.s, s.stride.x, true);
  c.out.ring = e.workspace->take<float>(wide.size());
  c.out.top = s.top;
  c.out.left = s.left;
  c.out.wide_h = wide.h;
  c.out.wide_w = wide.w;
  correlate(e, c, {});
  fold_ring(e, c);
}

void backward_weight(Exec& e, const ConvShape& s, const float* x, const float* gy, bool accumulate,
                     float* gw) {
  if (!s.plain()) return general_backward_weight(e, s, x, gy, accumulate, gw);
  const View y = s.y();
  const int stride = s.stride.y;
  const Side of_c = {s.w.c, s.w.c, s.w.ks}, of_k = {s.w.ks, s.w.k, 1};
  const View& big = s.transposed ? y : s.x;
  const View& small = s.transposed ? s.x : y;
  WeightGradient g;
  g.big = Input<float>::of(big, s.transposed ? gy : x, s.pad_mode);
  g.small = Input<float>::of(small, s.transposed ? x : gy, PadMode::zero);
  g.big_side = s.transposed ? of_k : of_c;
  g.small_side = s.transposed ? of_c : of_k;
  g.taps_x = s.w.s;
  g.taps = s.w.r * s.w.s;
  g.stride = stride;
  g.top = s.top;
  g.left = s.left;
  g.size = s.w.size();
  g.tap_stride = int64_t{s.w.c} * s.w.ks;
  const bool few = small.c <= 4;
  g.grid_h = few ? (small.h - 1) * stride + s.w.r : small.h;
  g.grid_w = few ? (small.w - 1) * stride + s.w.s : small.w;
  g.positions = checked_count(int64_t{small.n} * g.grid_h * g.grid_w);
  g.by_w = FastDivide::by(g.grid_w);
  g.by_h = FastDivide::by(g.grid_h);
  g.by_stride = FastDivide::by(stride);
  checked_count(big.pixels());
  if (few) return weight_gradient_few(e, g, accumulate, gw);
  if (big.c <= 4 || e.math == MathMode::fp32) return weight_gradient_fp32(e, g, accumulate, gw);
  if (e.math == MathMode::tf32) return weight_gradient_tf32(e, g, accumulate, gw);
  return weight_gradient_bf16(e, g, accumulate, gw);
}

void backward_bias(Exec& e, const View& view, const float* gy, bool accumulate, float* gbias) {
  bias_gradient(e, view, gy, accumulate, gbias);
}

// Filters of quantised values are read as they lie.
std::vector<int8_t> pack_quantized(const ConvShape& s, const int8_t* w) {
  return {w, w + s.w.size()};
}
void unpack_quantized(const ConvShape& s, const int8_t* packed, int8_t* w) {
  std::copy_n(packed, s.w.size(), w);
}

// Quantised values of a byte are made wide first.
void forward_quantized(Exec& e, const ConvShape& s, const QuantizedImage& x, const int8_t* packed,
                       int32_t* y, ExactSums sums) {
  Workspace::Scope scope(*e.workspace);
  const int16_t* wide = integers::wide_quantized(e, s.x, x);
  if (!s.plain()) {
    general_quantized(e, s, wide, packed, y);
    if (sums) integers::exact_sums(e, s.y(), y, sums);
    return;
  }
  QuantizedCorrelation c = correlation(s, s.x, wide, packed, s.y(), y, s.transposed);
  c.in.reflect = s.pad_mode == PadMode::reflect;
  correlate_quantized(e, c);
  if (sums) integers::exact_sums(e, s.y(), y, sums);
}

}  // namespace

const ConvKernels conv = {forward,        backward_input,   backward_weight,  backward_bias,
                          pack_quantized, unpack_quantized, forward_quantized};

}  // namespace gsx::kernels::GSX_BACKEND
