// Convolutions of any geometry, a thread per result; see conv_general.h. Neighbouring threads own
// neighbouring channels, so that images and filters are read side by side or by all at once.
#include "kernels/cuda/conv_general.h"

#include <algorithm>

#include "kernels/cuda/conv_launch.h"
#include "kernels/cuda/pixel_groups.h"
#include "kernels/cuda/tables.h"

namespace gsx::kernels::GSX_BACKEND::convolution {
namespace {

__device__ __forceinline__ float product_sum(float a, float b, float sum) {
  return fmaf(a, b, sum);
}
__device__ __forceinline__ int32_t product_sum(int16_t a, int8_t b, int32_t sum) {
  return sum + int32_t{a} * int32_t{b};
}

}  // namespace

// One output channel of one pixel. Reads R*S*C inputs and weights through the caches.
template <class X, class W, class Sum>
__global__ void __launch_bounds__(kMapThreads)
    general_kernel(const PixelGroups groups, const GeneralPass p, const X* __restrict__ x,
                   const W* __restrict__ w, const Sum* __restrict__ bias, Sum* __restrict__ y) {
  const int thread = group_thread();
  if (thread >= groups.count) return;
  const PixelGroups::Place at = groups.at(thread);
  Sum* to = y + at.pixel * p.out.cs + at.channel;
  if (at.channel >= p.out.c) {
    *to = 0;
    return;
  }
  const int group = at.channel / p.outs, own = at.channel - group * p.outs;
  // Of the filter's elements for this output: the first one's place in a tap, and the next one's.
  const int64_t first = p.swapped ? int64_t{own} * p.f.ks + group * p.ins : at.channel;
  const int64_t step = p.swapped ? 1 : p.f.ks;
  Sum sum = bias ? bias[at.channel] : Sum{0};
  for (int r = 0; r < p.f.r; ++r) {
    const int row = p.rows.source(at.y, r);
    if (row < 0) continue;
    for (int s = 0; s < p.f.s; ++s) {
      const int column = p.columns.source(at.x, s);
      if (column < 0) continue;
      const X* from = x + p.in.offset(at.n, row, column) + group * p.ins;
      const W* weight = w + p.f.offset(r, s, 0) + first;
#pragma unroll 1
      for (int c = 0; c < p.ins; ++c, weight += step) sum = product_sum(from[c], *weight, sum);
    }
  }
  *to = sum;
}

namespace {

template <class X, class W, class Sum>
void correlate(Exec& e, const GeneralPass& p, const X* x, const W* w, const Sum* bias, Sum* y) {
  const PixelGroups groups = PixelGroups::of(p.out, p.out.cs, 1);
  if (groups.count == 0) return;
  gpu::launch("conv_general", general_kernel<X, W, Sum>, {groups.blocks()}, {kMapThreads}, 0,
              e.stream, groups, p, x, w, bias, y);
}

void correlate(Exec& e, const GeneralPass& p, const float* x, const float* w, const float* bias,
               float* y) {
  if (p.depthwise()) return depthwise_correlate(e, p, x, w, bias, y);
  correlate<float, float, float>(e, p, x, w, bias, y);
}

}  // namespace

// The gradient of filters, summed over parts of the small image's positions.
struct GeneralGradient {
  TapAxis rows, columns;      // from small positions to big ones
  View big, small, elements;  // elements: [parts][taps][input channels][output channels]
  FastDivide by_w, by_h;
  int taps_x, k, big_group, small_group;  // channels of a group
  int outs;                               // output channels of a group
  bool transposed;
  int positions, part_size;
};

__global__ void __launch_bounds__(kMapThreads)
    general_gradient_kernel(const PixelGroups groups, const GeneralGradient g,
                            const float* __restrict__ big, const float* __restrict__ small,
                            float* __restrict__ parts) {
  const int thread = group_thread();
  if (thread >= groups.count) return;
  const PixelGroups::Place at = groups.at(thread);
  float sum = 0;
  if (at.channel < g.k) {
    const int group = at.channel / g.outs;
    const int input = group * (g.transposed ? g.small_group : g.big_group) + at.x;
    const int of_big = g.transposed ? at.channel : input;
    const int of_small = g.transposed ? input : at.channel;
    const int r = at.y / g.taps_x, s = at.y - r * g.taps_x;
    const int begin = at.n * g.part_size, end = min(g.positions, begin + g.part_size);
    for (int i = begin; i < end; ++i) {
      const int line = g.by_w(i), image = g.by_h(line);
      const int row = g.rows.source(line - image * g.small.h, r);
      const int column = g.columns.source(i - line * g.small.w, s);
      if (row < 0 || column < 0) continue;
      sum = fmaf(big[g.big.offset(image, row, column) + of_big],
                 small[static_cast<int64_t>(i) * g.small.cs + of_small], sum);
    }
  }
  parts[at.pixel * g.elements.cs + at.channel] = sum;
}

void general_forward(Exec& e, const ConvShape& s, const float* x, const float* w, const float* bias,
                     float* y) {
  correlate(e, GeneralPass::of(s, s.x, s.y(), s.transposed, false), x, w, bias, y);
}

void general_quantized(Exec& e, const ConvShape& s, const int16_t* x, const int8_t* w, int32_t* y) {
  correlate<int16_t, int8_t, int32_t>(e, GeneralPass::of(s, s.x, s.y(), s.transposed, false), x, w,
                                      nullptr, y);
}

void general_backward_input(Exec& e, const ConvShape& s, const float* gy, const float* w,
                            float* gx) {
  if (s.pad_mode == PadMode::zero) {
    return correlate(e, GeneralPass::of(s, s.y(), s.x, !s.transposed, true), gy, w, nullptr, gx);
  }
  // The gradient of the padded image, whose border then goes to the pixels it shows.
  const View wide = View::of(s.x.n, s.x.h + s.top + s.bottom, s.x.w + s.left + s.right, s.x.c);
  ConvShape padded = s;
  padded.x = wide;
  padded.top = padded.bottom = padded.left = padded.right = 0;
  padded.pad_mode = PadMode::zero;
  Workspace::Scope scope(*e.workspace);
  float* ring = e.workspace->take<float>(wide.size());
  correlate(e, GeneralPass::of(padded, s.y(), wide, true, true), gy, w, nullptr, ring);
  resample.pad_backward(e, {s.x, wide, s.top, s.left, s.pad_mode}, ring, gx);
}

void general_backward_weight(Exec& e, const ConvShape& s, const float* x, const float* gy,
                             bool accumulate, float* gw) {
  constexpr int64_t kThreads = int64_t{1} << 17;  // enough for any device
  constexpr int kLeast = 256;                     // positions of a part
  const View y = s.y();
  GeneralGradient g;
  g.big = s.transposed ? y : s.x;
  g.small = s.transposed ? s.x : y;
  g.rows = {s.top, s.stride.y, s.dilation.y, g.big.h, s.pad_mode, false};
  g.columns = {s.left, s.stride.x, s.dilation.x, g.big.w, s.pad_mode, false};
  g.by_w = FastDivide::by(g.small.w);
  g.by_h = FastDivide::by(g.small.h);
  g.taps_x = s.w.s;
  g.k = s.w.k;
  g.big_group = g.big.c / s.groups;
  g.small_group = g.small.c / s.groups;
  g.outs = s.w.k / s.groups;
  g.transposed = s.transposed;
  g.positions = checked_count(g.small.pixels());
  const int64_t wanted = std::max<int64_t>(1, kThreads / s.w.size());
  const int parts = static_cast<int>(std::min<int64_t>(wanted, tiles(g.positions, kLeast)));
  g.part_size = tiles(g.positions, parts);
  g.elements = {parts, s.w.r * s.w.s, s.w.c, s.w.k, s.w.ks};
  Workspace::Scope scope(*e.workspace);
  float* sums = e.workspace->take<float>(g.elements.size());
  const PixelGroups groups = PixelGroups::of(g.elements, s.w.ks, 1);
  gpu::launch("conv_general_gradient", general_gradient_kernel, {groups.blocks()}, {kMapThreads}, 0,
              e.stream, groups, g, s.transposed ? gy : x, s.transposed ? x : gy, sums);
  reduce_parts(e, sums, parts, s.w.size(), s.w.size(), accumulate, gw);
}

}  // namespace gsx::kernels::GSX_BACKEND::convolution
