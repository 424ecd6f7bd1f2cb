// Convolution to at most four outputs (RGB, a discriminator's score): vectors run along the input's
// channels and taps, each output is a dot product, summed over lanes once at the end.
#include "kernels/cpu/conv_micro.h"
#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/conv_dot.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace gsx::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// kPixels * kOutputs accumulators: at most 12 of 16 registers, 24 of 32, or 20 where inputs need
// registers too.
constexpr int tall(int outputs) {
  const int most = HWY_TARGET == HWY_AVX2 ? 12 : HWY_TARGET == HWY_NEON ? 20 : 24;
  const int pixels = most / outputs;
  return pixels > 8 ? 8 : pixels;
}

template <int kPixels, int kOutputs>
HWY_INLINE void dot_tile(const FloatBlock& b, int pixel) {
  const hn::CappedTag<float, 16> d;
  using V = hn::Vec<decltype(d)>;
  constexpr int kLanes = hn::MaxLanes(d);
  V acc[kPixels * kOutputs];
  HWY_UNROLL(24)
  for (int i = 0; i < kPixels * kOutputs; ++i) acc[i] = hn::Zero(d);
  const int padded = round_up(b.run_length, kDotAlign);
  const int64_t next = int64_t{b.runs} * padded;  // weights of the next output
  const float* HWY_RESTRICT w = b.w;
  for (int run = 0; run < b.runs; ++run, w += padded) {
    const float* HWY_RESTRICT a[kPixels];
    HWY_UNROLL(8)
    for (int p = 0; p < kPixels; ++p) a[p] = b.in + b.in_at[pixel + p] + b.run_at[run];
    for (int64_t j = 0; j < b.run_length; j += kLanes) {
      V wk[kOutputs];
      HWY_UNROLL(4)
      for (int k = 0; k < kOutputs; ++k) wk[k] = hn::LoadU(d, w + k * next + j);
      HWY_UNROLL(8)
      for (int p = 0; p < kPixels; ++p) {
        const V x = hn::LoadU(d, a[p] + j);
        HWY_UNROLL(4)
        for (int k = 0; k < kOutputs; ++k) {
          acc[k * kPixels + p] = hn::MulAdd(x, wk[k], acc[k * kPixels + p]);
        }
      }
    }
  }
  HWY_UNROLL(4)
  for (int k = 0; k < kOutputs; ++k) {
    const float bias = b.bias != nullptr ? b.bias[k] : 0.0f;
    HWY_UNROLL(8)
    for (int p = 0; p < kPixels; ++p) {
      b.out[b.out_at[pixel + p] + k] = bias + hn::GetLane(hn::SumOfLanes(d, acc[k * kPixels + p]));
    }
  }
}

template <int kOutputs>
HWY_NOINLINE void dot_pixels(const FloatBlock& b) {
  constexpr int kPixels = tall(kOutputs);
  int i = 0;
  for (; i + kPixels <= b.pixels; i += kPixels) dot_tile<kPixels, kOutputs>(b, i);
  for (; i + 2 <= b.pixels; i += 2) dot_tile<2, kOutputs>(b, i);
  if (i < b.pixels) dot_tile<1, kOutputs>(b, i);
}

void MultiplyFew(const FloatBlock& b) {
  switch (b.outputs) {
    case 1: return dot_pixels<1>(b);
    case 2: return dot_pixels<2>(b);
    case 3: return dot_pixels<3>(b);
    default: return dot_pixels<4>(b);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace gsx::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gsx::kernels {
HWY_EXPORT(MultiplyFew);
void multiply_few(const FloatBlock& b) { GSX_DISPATCH(MultiplyFew)(b); }
}  // namespace gsx::kernels
#endif
