// Depthwise rows in vectors of channels; see conv_depthwise_micro.h. A tile of a few pixels shares
// each tap's weights, which stay in a register.
#include "kernels/cpu/conv_depthwise_micro.h"

#include <cmath>

#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/conv_depthwise_micro.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace gsx::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int kTile = 4;  // pixels, and taps of a weight gradient

template <class D>
HWY_INLINE hn::Vec<D> load(D d, const float* p) {
  return hn::LoadU(d, p);
}
template <class D, class T>
HWY_INLINE hn::Vec<D> load(D d, const T* p) {
  return hn::PromoteTo(d, hn::LoadU(hn::Rebind<T, D>(), p));
}

HWY_INLINE float product_sum(float a, float b, float c) { return std::fma(a, b, c); }
HWY_INLINE int32_t product_sum(int32_t a, int32_t b, int32_t c) { return a * b + c; }

template <class V>
HWY_INLINE V product_sum(V a, V b, V c, float) {
  return hn::MulAdd(a, b, c);
}
template <class V>
HWY_INLINE V product_sum(V a, V b, V c, int32_t) {
  return hn::Add(hn::Mul(a, b), c);
}

// kPixels pixels from pixel i on, one vector of channels from c on.
template <int kPixels, class D, class Row>
HWY_INLINE void row_tile(D d, const Row& r, int i, int c) {
  using V = hn::Vec<D>;
  using T = hn::TFromD<D>;
  V sums[kPixels];
  const V start = r.bias == nullptr ? hn::Zero(d) : hn::LoadU(d, r.bias + c);
  HWY_UNROLL(4)
  for (int p = 0; p < kPixels; ++p) sums[p] = start;
  for (int t = 0; t < r.taps; ++t) {
    const V w = load(d, r.w[t] + c);
    const auto* in = r.in[t] + i * r.in_step + c;
    HWY_UNROLL(4)
    for (int p = 0; p < kPixels; ++p)
      sums[p] = product_sum(load(d, in + p * r.in_step), w, sums[p], T{});
  }
  HWY_UNROLL(4)
  for (int p = 0; p < kPixels; ++p) hn::StoreU(sums[p], d, r.out + (i + p) * r.out_step + c);
}

template <class D, class Row>
HWY_INLINE void row_lanes(D d, const Row& r, int c) {
  int i = 0;
  for (; i + kTile <= r.pixels; i += kTile) row_tile<kTile>(d, r, i, c);
  for (; i < r.pixels; ++i) row_tile<1>(d, r, i, c);
}

// One channel: of images with at most four, whose pixels are narrower than any vector.
template <class Row>
void row_lane(const Row& r, int c) {
  for (int i = 0; i < r.pixels; ++i) {
    auto sum = r.bias == nullptr ? decltype(+*r.out){0} : r.bias[c];
    for (int t = 0; t < r.taps; ++t)
      sum = product_sum(decltype(sum)(r.in[t][i * r.in_step + c]), decltype(sum)(r.w[t][c]), sum);
    r.out[i * r.out_step + c] = sum;
  }
}

template <class T, class F, class G>
HWY_INLINE void each_vector(int lanes, F&& vector, G&& single) {
  const hn::CappedTag<T, 16> wide;
  const hn::CappedTag<T, 8> narrow;
  constexpr int kWide = hn::MaxLanes(wide), kNarrow = hn::MaxLanes(narrow);
  if (lanes % 8 != 0) {
    for (int c = 0; c < lanes; ++c) single(c);
    return;
  }
  int c = 0;
  for (; c + kWide <= lanes; c += kWide) vector(wide, c);
  for (; c < lanes; c += kNarrow) vector(narrow, c);
}

void Row(const DepthwiseRow<float, float, float>& r) {
  each_vector<float>(
      r.lanes, [&](auto d, int c) { row_lanes(d, r, c); }, [&](int c) { row_lane(r, c); });
}

void QuantizedRow(const DepthwiseRow<int16_t, int8_t, int32_t>& r) {
  each_vector<int32_t>(
      r.lanes, [&](auto d, int c) { row_lanes(d, r, c); }, [&](int c) { row_lane(r, c); });
}

// kTaps taps from tap t on, one vector of channels from c on.
template <int kTaps, class D>
HWY_INLINE void weight_tile(D d, const DepthwiseWeightRow& r, int t, int c) {
  using V = hn::Vec<D>;
  V sums[kTaps];
  HWY_UNROLL(4)
  for (int k = 0; k < kTaps; ++k) sums[k] = hn::Zero(d);
  for (int i = 0; i < r.pixels; ++i) {
    const V other = hn::LoadU(d, r.other + i * r.other_step + c);
    HWY_UNROLL(4)
    for (int k = 0; k < kTaps; ++k)
      sums[k] = hn::MulAdd(hn::LoadU(d, r.in[t + k] + i * r.in_step + c), other, sums[k]);
  }
  HWY_UNROLL(4)
  for (int k = 0; k < kTaps; ++k) {
    float* to = r.sums[t + k] + c;
    hn::StoreU(hn::Add(hn::LoadU(d, to), sums[k]), d, to);
  }
}

void WeightRow(const DepthwiseWeightRow& r) {
  each_vector<float>(
      r.lanes,
      [&](auto d, int c) {
        int t = 0;
        for (; t + kTile <= r.taps; t += kTile) weight_tile<kTile>(d, r, t, c);
        for (; t < r.taps; ++t) weight_tile<1>(d, r, t, c);
      },
      [&](int c) {
        for (int t = 0; t < r.taps; ++t) {
          float sum = 0;
          for (int i = 0; i < r.pixels; ++i)
            sum = std::fma(r.in[t][i * r.in_step + c], r.other[i * r.other_step + c], sum);
          r.sums[t][c] += sum;
        }
      });
}

}  // namespace HWY_NAMESPACE
}  // namespace gsx::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gsx::kernels {
HWY_EXPORT(Row);
HWY_EXPORT(QuantizedRow);
HWY_EXPORT(WeightRow);
void depthwise_row(const DepthwiseRow<float, float, float>& r) { GSX_DISPATCH(Row)(r); }
void depthwise_row(const DepthwiseRow<int16_t, int8_t, int32_t>& r) {
  GSX_DISPATCH(QuantizedRow)(r);
}
void depthwise_weight_row(const DepthwiseWeightRow& r) { GSX_DISPATCH(WeightRow)(r); }
}  // namespace gsx::kernels
#endif
