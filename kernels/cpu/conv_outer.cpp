// Sums of outer products over pixels, accumulators in registers: the core of weight gradients.
#include "kernels/cpu/conv_micro.h"
#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/conv_outer.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace gsx::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr bool kFewRegisters = HWY_TARGET == HWY_AVX2;

// kRows x kVectors tile; vector v of b lies v * b_vector floats after the first.
template <int kRows, int kVectors, class D>
HWY_NOINLINE void outer_tile(D d, const OuterBlock& o, const float* a0, const float* b0,
                             int64_t b_vector, float* out, int64_t out_vector) {
  using V = hn::Vec<D>;
  V acc[kRows * kVectors];
  HWY_UNROLL(32)
  for (int i = 0; i < kRows * kVectors; ++i) acc[i] = hn::Zero(d);
  const int64_t a_col = o.a_col, b_col = o.b_col;
  for (int y = 0; y < o.rows; ++y) {
    const float* HWY_RESTRICT a = a0 + y * o.a_row;
    const float* HWY_RESTRICT b = b0 + y * o.b_row;
    for (int x = 0; x < o.cols; ++x, a += a_col, b += b_col) {
      V bv[kVectors];
      HWY_UNROLL(8)
      for (int v = 0; v < kVectors; ++v) bv[v] = hn::LoadU(d, b + v * b_vector);
      HWY_UNROLL(8)
      for (int i = 0; i < kRows; ++i) {
        const V av = hn::Set(d, a[i]);
        HWY_UNROLL(8)
        for (int v = 0; v < kVectors; ++v) {
          acc[i * kVectors + v] = hn::MulAdd(av, bv[v], acc[i * kVectors + v]);
        }
      }
    }
  }
  HWY_UNROLL(8)
  for (int i = 0; i < kRows; ++i) {
    HWY_UNROLL(8)
    for (int v = 0; v < kVectors; ++v) {
      float* to = out + i * o.out_row + v * out_vector;
      hn::StoreU(hn::Add(hn::LoadU(d, to), acc[i * kVectors + v]), d, to);
    }
  }
}

// All m rows of one column of tiles.
template <int kVectors, class D>
void outer_column(D d, const OuterBlock& o, int64_t b_at, int64_t b_vector, int out_at,
                  int64_t out_vector) {
  constexpr int kTall = kFewRegisters ? 6 : 8;
  for (int i = 0; i < o.m;) {
    const float* a = o.a + i;
    float* out = o.out + i * o.out_row + out_at;
    const int left = o.m - i;
    // 8 rows are two short tiles where tall ones have 6; a few rows too many cost less than a
    // third.
    const bool tall = kFewRegisters ? left > 8 || left == 5 || left == 6 : left > 4;
    if (tall) {
      outer_tile<kTall, kVectors>(d, o, a, o.b + b_at, b_vector, out, out_vector);
    } else {
      outer_tile<4, kVectors>(d, o, a, o.b + b_at, b_vector, out, out_vector);
    }
    i += tall ? kTall : 4;
  }
}

void Outer(const OuterBlock& o) {
  const hn::CappedTag<float, kPanel> wide;
  const hn::CappedTag<float, 8> narrow;
  constexpr int kWide = hn::MaxLanes(wide), kNarrow = hn::MaxLanes(narrow);
  int j = 0;
  if constexpr (kWide == kPanel) {
    if (o.n > kPanel + 8) return outer_column<2>(wide, o, 0, o.b_panel, 0, kPanel);
    if (o.n > 8) {
      outer_column<1>(wide, o, 0, 0, 0, 0);
      j = kPanel;
    }
  } else {
    for (; o.n - j > 8; j += kPanel) {
      for (int v = 0; v < kPanel; v += 2 * kWide) {
        outer_column<2>(wide, o, j / kPanel * o.b_panel + v, kWide, j + v, kWide);
      }
    }
  }
  if (j >= o.n) return;
  const int64_t b_at = j / kPanel * o.b_panel;
  if constexpr (kNarrow == 8) {
    outer_column<1>(narrow, o, b_at, 0, j, 0);
  } else {
    for (int v = 0; v < 8; v += 2 * kNarrow) {
      outer_column<2>(narrow, o, b_at + v, kNarrow, j + v, kNarrow);
    }
  }
}

// m rows against long contiguous columns.
template <int kRows>
void few_rows(const OuterBlock& o) {
  const hn::CappedTag<float, kPanel> d;
  constexpr int kLanes = hn::MaxLanes(d), kRound = kPanel;
  constexpr int kVectors = kRows == 1 ? 8 : kFewRegisters && kRows == 4 ? 2 : 4;
  const int n = (o.n + kRound - 1) / kRound * kRound;
  int j = 0;
  for (; j + kVectors * kLanes <= n; j += kVectors * kLanes) {
    outer_tile<kRows, kVectors>(d, o, o.a, o.b + j, kLanes, o.out + j, kLanes);
  }
  for (; j < n; j += kLanes) outer_tile<kRows, 1>(d, o, o.a, o.b + j, 0, o.out + j, 0);
}

void OuterFew(const OuterBlock& o) {
  switch (o.m) {
    case 1: return few_rows<1>(o);
    case 2: return few_rows<2>(o);
    case 3: return few_rows<3>(o);
    default: return few_rows<4>(o);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace gsx::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gsx::kernels {
HWY_EXPORT(Outer);
HWY_EXPORT(OuterFew);
void outer(const OuterBlock& o) { GSX_DISPATCH(Outer)(o); }
void outer_few(const OuterBlock& o) { GSX_DISPATCH(OuterFew)(o); }
}  // namespace gsx::kernels
#endif
