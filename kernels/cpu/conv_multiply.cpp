// The register-blocked product behind direct and Winograd convolution: a few pixels times 16 (AVX2)
// or 32 (AVX-512) output channels, accumulators in registers over all taps and channels.
#include "kernels/cpu/conv_micro.h"
#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/conv_multiply.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace gsx::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Weight rows that stay in the first-level cache while the pixels of a block pass by.
constexpr int kChunkRows = 256;

// Pixels per tile: 12 accumulators where there are 16 registers, up to 16 where there are 32.
constexpr int kTallPixels = HWY_TARGET == HWY_AVX2 ? 6 : 8;

// Floats of a cache line. Before each, the next tile's are sent for where they come from afar.
constexpr int64_t kLine = 16;

// Columns of a tile: V vectors, the second `second` floats after the first, rows `stride` apart.
struct Columns {
  const float* w;
  int64_t second;
  int first_output, second_output;
};

// kPixels x kVectors tile over runs [run0, run1), starting from the bias or from what out holds.
template <int kPixels, int kVectors, int kStride, class D>
HWY_INLINE void tile(D d, const FloatBlock& b, const Columns& columns, int pixel, int run0,
                     int run1) {
  using V = hn::Vec<D>;
  V acc0[kPixels], acc1[kPixels];
  const int32_t* in_at = b.in_at + pixel;
  const int32_t* out_at = b.out_at + pixel;
  float* out0 = b.out + columns.first_output;
  float* out1 = b.out + columns.second_output;
  if (run0 == 0 && !b.add) {
    const V bias0 = b.bias != nullptr ? hn::LoadU(d, b.bias + columns.first_output) : hn::Zero(d);
    const V bias1 = kVectors > 1 && b.bias != nullptr ? hn::LoadU(d, b.bias + columns.second_output)
                                                      : hn::Zero(d);
    HWY_UNROLL(8)
    for (int p = 0; p < kPixels; ++p) acc0[p] = bias0, acc1[p] = bias1;
  } else {
    HWY_UNROLL(8)
    for (int p = 0; p < kPixels; ++p) {
      acc0[p] = hn::LoadU(d, out0 + out_at[p]);
      acc1[p] = kVectors > 1 ? hn::LoadU(d, out1 + out_at[p]) : hn::Zero(d);
    }
  }
  const float* HWY_RESTRICT w = columns.w + int64_t{run0} * b.run_length * kStride;
  const int length = b.run_length;
  const bool ahead = kPixels == kTallPixels && b.far && pixel + 2 * kPixels <= b.pixels;
  for (int run = run0; run < run1; ++run) {
    const float* HWY_RESTRICT a[kPixels];
    HWY_UNROLL(8)
    for (int p = 0; p < kPixels; ++p) a[p] = b.in + in_at[p] + b.run_at[run];
    for (int64_t j = 0; j < length;) {
      if (ahead) {
        HWY_UNROLL(8)
        for (int p = 0; p < kPixels; ++p)
          __builtin_prefetch(b.in + in_at[p + kPixels] + b.run_at[run] + j);
      }
      const int64_t line_end = ahead && j + kLine < length ? j + kLine : length;
      for (; j < line_end; ++j) {
        const V w0 = hn::LoadU(d, w);
        const V w1 = kVectors > 1 ? hn::LoadU(d, w + columns.second) : hn::Zero(d);
        HWY_UNROLL(8)
        for (int p = 0; p < kPixels; ++p) {
          const V x = hn::Set(d, a[p][j]);
          acc0[p] = hn::MulAdd(x, w0, acc0[p]);
          if (kVectors > 1) acc1[p] = hn::MulAdd(x, w1, acc1[p]);
        }
        w += kStride;
      }
    }
  }
  HWY_UNROLL(8)
  for (int p = 0; p < kPixels; ++p) {
    hn::StoreU(acc0[p], d, out0 + out_at[p]);
    if (kVectors > 1) hn::StoreU(acc1[p], d, out1 + out_at[p]);
  }
}

// All pixels of one chunk of runs.
template <int kVectors, int kStride, class D>
HWY_NOINLINE void tile_column(D d, const FloatBlock& b, const Columns& c, int run0, int run1) {
  constexpr int kPixels = kTallPixels;
  int i = 0;
  for (; i + kPixels <= b.pixels; i += kPixels)
    tile<kPixels, kVectors, kStride>(d, b, c, i, run0, run1);
  switch (b.pixels - i) {
    case 7: tile < kPixels<8 ? 1 : 7, kVectors, kStride>(d, b, c, i, run0, run1); break;
    case 6: tile < kPixels<7 ? 1 : 6, kVectors, kStride>(d, b, c, i, run0, run1); break;
    case 5: tile<5, kVectors, kStride>(d, b, c, i, run0, run1); break;
    case 4: tile<4, kVectors, kStride>(d, b, c, i, run0, run1); break;
    case 3: tile<3, kVectors, kStride>(d, b, c, i, run0, run1); break;
    case 2: tile<2, kVectors, kStride>(d, b, c, i, run0, run1); break;
    case 1: tile<1, kVectors, kStride>(d, b, c, i, run0, run1); break;
    default: break;
  }
}

template <int kVectors, int kStride, class D>
void column(D d, const FloatBlock& b, const Columns& c) {
  const int step = b.run_length >= kChunkRows || b.run_length == 0 ? 1 : kChunkRows / b.run_length;
  int run = 0;
  do {
    const int end = run + step < b.runs ? run + step : b.runs;
    tile_column<kVectors, kStride>(d, b, c, run, end);
    run = end;
  } while (run < b.runs);
}

void Multiply(const FloatBlock& b) {
  const hn::CappedTag<float, kPanel> wide;
  const hn::CappedTag<float, 8> narrow;
  constexpr int kWide = hn::MaxLanes(wide), kNarrow = hn::MaxLanes(narrow);
  const int64_t rows = int64_t{b.runs} * b.run_length;
  int k = 0;
  if constexpr (kWide == kPanel) {
    for (; b.outputs - k > kPanel + 8; k += 2 * kPanel) {
      column<2, kPanel>(wide, b, {b.w + rows * k, rows * kPanel, k, k + kPanel});
    }
    for (; b.outputs - k > 8; k += kPanel) column<1, kPanel>(wide, b, {b.w + rows * k, 0, k, k});
  } else {
    for (; b.outputs - k > 8; k += kPanel) {
      for (int v = 0; v < kPanel; v += 2 * kWide) {
        column<2, kPanel>(wide, b, {b.w + rows * k + v, kWide, k + v, k + v + kWide});
      }
    }
  }
  if (k == b.outputs) return;
  if constexpr (kNarrow == 8) {
    column<1, 8>(narrow, b, {b.w + rows * k, 0, k, k});
  } else {
    for (int v = 0; v < 8; v += 2 * kNarrow) {
      column<2, 8>(narrow, b, {b.w + rows * k + v, kNarrow, k + v, k + v + kNarrow});
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace gsx::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gsx::kernels {
HWY_EXPORT(Multiply);
void multiply(const FloatBlock& b) { GSX_DISPATCH(Multiply)(b); }
}  // namespace gsx::kernels
#endif
