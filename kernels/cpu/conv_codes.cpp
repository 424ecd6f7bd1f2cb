// Exact convolution of integer codes: 16-bit products summed in pairs to 32 bits, one instruction
// on x86. The order of exact sums is free, so every instruction set gives the same bits.
#include <cstring>

#include "kernels/cpu/conv_micro.h"
#include "kernels/cpu/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/conv_codes.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace gsx::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Pixels per tile: NEON has the registers of AVX-512 but keeps two sums for each result.
constexpr int kCodePixels = HWY_TARGET == HWY_AVX3 ? 8 : 6;

HWY_INLINE int32_t load_pair(const int16_t* p) {
  int32_t pair;
  std::memcpy(&pair, p, sizeof(pair));
  return pair;
}

// kPixels pixels times kVectors vectors of outputs; rows of the panel are `width` pairs.
template <int kPixels, int kVectors, class D>
HWY_INLINE void code_tile(D d, const CodeBlock& b, int pixel, const int16_t* panel, int width,
                          int first) {
  const hn::Repartition<int16_t, D> d16;
  using V = hn::Vec<D>;
  constexpr int kLanes = hn::MaxLanes(d);
  // Where pairs are not neighbouring lanes of one product, `odd` takes the other half of the sums.
  V even[kPixels * kVectors], odd[kPixels * kVectors];
  HWY_UNROLL(16)
  for (int i = 0; i < kPixels * kVectors; ++i) even[i] = odd[i] = hn::Zero(d);
  const int pairs = (b.run_length + 1) / 2;
  const int64_t row = 2 * width;
  const int16_t* HWY_RESTRICT w = panel;
  for (int run = 0; run < b.runs; ++run) {
    const int16_t* HWY_RESTRICT a[kPixels];
    HWY_UNROLL(8)
    for (int p = 0; p < kPixels; ++p) a[p] = b.in + b.in_at[pixel + p] + b.run_at[run];
    for (int64_t j = 0; j < pairs; ++j, w += row) {
      hn::Vec<decltype(d16)> wv[kVectors];
      HWY_UNROLL(4)
      for (int v = 0; v < kVectors; ++v) wv[v] = hn::LoadU(d16, w + v * 2 * kLanes);
      HWY_UNROLL(8)
      for (int p = 0; p < kPixels; ++p) {
        const auto x = hn::BitCast(d16, hn::Set(d, load_pair(a[p] + 2 * j)));
        HWY_UNROLL(4)
        for (int v = 0; v < kVectors; ++v) {
          V& e = even[p * kVectors + v];
          e = hn::ReorderWidenMulAccumulate(d, x, wv[v], e, odd[p * kVectors + v]);
        }
      }
    }
  }
  HWY_UNROLL(8)
  for (int p = 0; p < kPixels; ++p) {
    int32_t* out = b.out + b.out_at[pixel + p] + first;
    HWY_UNROLL(4)
    for (int v = 0; v < kVectors; ++v) {
      const int i = p * kVectors + v;
      hn::StoreU(hn::RearrangeToOddPlusEven(even[i], odd[i]), d, out + v * kLanes);
    }
  }
}

template <int kVectors, class D>
HWY_NOINLINE void code_column(D d, const CodeBlock& b, const int16_t* panel, int width, int first) {
  int i = 0;
  for (; i + kCodePixels <= b.pixels; i += kCodePixels) {
    code_tile<kCodePixels, kVectors>(d, b, i, panel, width, first);
  }
  for (; i + 4 <= b.pixels; i += 4) code_tile<4, kVectors>(d, b, i, panel, width, first);
  for (; i < b.pixels; ++i) code_tile<1, kVectors>(d, b, i, panel, width, first);
}

// Without vectors: one output row of a panel at a time.
void scalar_column(const CodeBlock& b, const int16_t* panel, int width, int first) {
  for (int i = 0; i < b.pixels; ++i) {
    int32_t* out = b.out + b.out_at[i] + first;
    for (int k = 0; k < width; ++k) out[k] = 0;
    const int16_t* w = panel;
    for (int run = 0; run < b.runs; ++run) {
      const int16_t* a = b.in + b.in_at[i] + b.run_at[run];
      for (int j = 0; j < b.run_length; j += 2, w += 2 * width) {
        for (int k = 0; k < width; ++k) out[k] += a[j] * w[2 * k] + a[j + 1] * w[2 * k + 1];
      }
    }
  }
}

void MultiplyCodes(const CodeBlock& b) {
  const hn::CappedTag<int32_t, kPanel> wide;
  const hn::CappedTag<int32_t, 8> narrow;
  constexpr int kWide = hn::MaxLanes(wide), kNarrow = hn::MaxLanes(narrow);
  const int64_t rows = int64_t{b.runs} * round_up(b.run_length, 2);
  for (int k = 0; k < b.outputs; k += kPanel) {
    const int16_t* panel = b.w + rows * k;
    const int width = panel_width(k, b.outputs);
    if constexpr (kWide < 4) {
      scalar_column(b, panel, width, k);
    } else if (width == kPanel) {
      constexpr int kVectors = kWide == kPanel ? 1 : 2;
      for (int v = 0; v < kPanel; v += kVectors * kWide) {
        code_column<kVectors>(wide, b, panel + 2 * v, width, k + v);
      }
    } else {
      for (int v = 0; v < width; v += kNarrow) {
        code_column<1>(narrow, b, panel + 2 * v, width, k + v);
      }
    }
  }
}

template <int kOutputs>
HWY_NOINLINE void code_dots(const CodeBlock& b) {
  const hn::CappedTag<int32_t, kDotAlign / 2> d;
  const hn::CappedTag<int16_t, kDotAlign> d16;
  using V = hn::Vec<decltype(d)>;
  constexpr int kLanes = hn::MaxLanes(d16);
  const int padded = round_up(b.run_length, kDotAlign);
  const int64_t next = int64_t{b.runs} * padded;
  for (int i = 0; i < b.pixels; ++i) {
    V even[kOutputs], odd[kOutputs];
    HWY_UNROLL(4)
    for (int k = 0; k < kOutputs; ++k) even[k] = odd[k] = hn::Zero(d);
    const int16_t* HWY_RESTRICT w = b.w;
    for (int run = 0; run < b.runs; ++run, w += padded) {
      const int16_t* HWY_RESTRICT a = b.in + b.in_at[i] + b.run_at[run];
      for (int64_t j = 0; j < b.run_length; j += kLanes) {
        const auto x = hn::LoadU(d16, a + j);
        HWY_UNROLL(4)
        for (int k = 0; k < kOutputs; ++k) {
          even[k] = hn::ReorderWidenMulAccumulate(d, x, hn::LoadU(d16, w + k * next + j), even[k],
                                                  odd[k]);
        }
      }
    }
    HWY_UNROLL(4)
    for (int k = 0; k < kOutputs; ++k) {
      b.out[b.out_at[i] + k] = hn::GetLane(hn::SumOfLanes(d, hn::Add(even[k], odd[k])));
    }
  }
}

void MultiplyFewCodes(const CodeBlock& b) {
  switch (b.outputs) {
    case 1: return code_dots<1>(b);
    case 2: return code_dots<2>(b);
    case 3: return code_dots<3>(b);
    default: return code_dots<4>(b);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace gsx::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gsx::kernels {
HWY_EXPORT(MultiplyCodes);
HWY_EXPORT(MultiplyFewCodes);
void multiply_codes(const CodeBlock& b) { HWY_DYNAMIC_DISPATCH(MultiplyCodes)(b); }
void multiply_few_codes(const CodeBlock& b) { HWY_DYNAMIC_DISPATCH(MultiplyFewCodes)(b); }
}  // namespace gsx::kernels
#endif
