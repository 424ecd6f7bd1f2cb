// Winograd transforms, vectors along channels.
#include "kernels/cpu/winograd_micro.h"

#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/winograd_micro.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace gsx::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The points and their products; all but the divisors' reciprocals are exact in binary.
constexpr float kA = 0.625f, kB = 1.5f, kA2 = kA * kA, kB2 = kB * kB;
constexpr float kScale0 = static_cast<float>(1.0 / (0.390625 * 2.25));
constexpr float kScaleA = static_cast<float>(1.0 / (2 * 0.390625 * (0.390625 - 2.25)));
constexpr float kScaleB = static_cast<float>(1.0 / (2 * 2.25 * (2.25 - 0.390625)));

// One-dimensional maps: out[kOut] from in[kIn].
struct InputMap {  // B'
  static constexpr int kIn = 6, kOut = 6;
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE void apply(D d, const V* in, V* out) {
    const V a = hn::Set(d, kA), b = hn::Set(d, kB), a2 = hn::Set(d, kA2), b2 = hn::Set(d, kB2);
    const V product = hn::Set(d, kA2 * kB2), sum = hn::Set(d, kA2 + kB2);
    const V even_a = hn::NegMulAdd(b2, in[2], in[4]),
            odd_a = hn::Mul(a, hn::NegMulAdd(b2, in[1], in[3]));
    const V even_b = hn::NegMulAdd(a2, in[2], in[4]),
            odd_b = hn::Mul(b, hn::NegMulAdd(a2, in[1], in[3]));
    out[0] = hn::MulAdd(product, in[0], hn::NegMulAdd(sum, in[2], in[4]));
    out[1] = hn::Add(even_a, odd_a);
    out[2] = hn::Sub(even_a, odd_a);
    out[3] = hn::Add(even_b, odd_b);
    out[4] = hn::Sub(even_b, odd_b);
    out[5] = hn::MulAdd(product, in[1], hn::NegMulAdd(sum, in[3], in[5]));
  }
};

struct InputAdjointMap {  // B
  static constexpr int kIn = 6, kOut = 6;
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE void apply(D d, const V* in, V* out) {
    const V a = hn::Set(d, kA), b = hn::Set(d, kB), a2 = hn::Set(d, kA2), b2 = hn::Set(d, kB2);
    const V product = hn::Set(d, kA2 * kB2), sum = hn::Set(d, kA2 + kB2);
    const V sum_a = hn::Add(in[1], in[2]), odd_a = hn::Mul(a, hn::Sub(in[1], in[2]));
    const V sum_b = hn::Add(in[3], in[4]), odd_b = hn::Mul(b, hn::Sub(in[3], in[4]));
    out[0] = hn::Mul(product, in[0]);
    out[1] = hn::NegMulAdd(b2, odd_a, hn::NegMulAdd(a2, odd_b, hn::Mul(product, in[5])));
    out[2] = hn::Neg(hn::MulAdd(sum, in[0], hn::MulAdd(b2, sum_a, hn::Mul(a2, sum_b))));
    out[3] = hn::NegMulAdd(sum, in[5], hn::Add(odd_a, odd_b));
    out[4] = hn::Add(in[0], hn::Add(sum_a, sum_b));
    out[5] = in[5];
  }
};

template <int kTile>
struct OutputMap {  // A'
  static constexpr int kIn = 6, kOut = kTile;
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE void apply(D d, const V* in, V* out) {
    const V a = hn::Set(d, kA), b = hn::Set(d, kB), a2 = hn::Set(d, kA2), b2 = hn::Set(d, kB2);
    const V sum_a = hn::Add(in[1], in[2]), gap_a = hn::Sub(in[1], in[2]);
    const V sum_b = hn::Add(in[3], in[4]), gap_b = hn::Sub(in[3], in[4]);
    out[0] = hn::Add(in[0], hn::Add(sum_a, sum_b));
    out[1] = hn::MulAdd(a, gap_a, hn::Mul(b, gap_b));
    if constexpr (kTile == 3) {
      out[2] = hn::MulAdd(a2, sum_a, hn::MulAdd(b2, sum_b, in[5]));
    } else {
      const V a3 = hn::Set(d, kA2 * kA), b3 = hn::Set(d, kB2 * kB);
      out[2] = hn::MulAdd(a2, sum_a, hn::Mul(b2, sum_b));
      if constexpr (kTile == 4) {
        out[3] = hn::MulAdd(a3, gap_a, hn::MulAdd(b3, gap_b, in[5]));
      } else {
        const V a4 = hn::Set(d, kA2 * kA2), b4 = hn::Set(d, kB2 * kB2);
        out[3] = hn::MulAdd(a3, gap_a, hn::Mul(b3, gap_b));
        out[4] = hn::MulAdd(a4, sum_a, hn::MulAdd(b4, sum_b, in[5]));
      }
    }
  }
};

// Values of the polynomial with coefficients in[0..kCount) at the points, infinity's being the last
// coefficient: A, and G but for its scales.
template <int kCount>
struct PointValues {
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE void apply(D d, const V* in, V* even_a, V* odd_a, V* even_b, V* odd_b) {
    const V a = hn::Set(d, kA), b = hn::Set(d, kB), a2 = hn::Set(d, kA2), b2 = hn::Set(d, kB2);
    V even2_a = in[0], even2_b = in[0], odd2_a = in[1], odd2_b = in[1];
    if constexpr (kCount > 4) {
      const V high_a = hn::MulAdd(a2, in[4], in[2]), high_b = hn::MulAdd(b2, in[4], in[2]);
      even2_a = hn::MulAdd(a2, high_a, in[0]), even2_b = hn::MulAdd(b2, high_b, in[0]);
    } else if constexpr (kCount > 2) {
      even2_a = hn::MulAdd(a2, in[2], in[0]), even2_b = hn::MulAdd(b2, in[2], in[0]);
    }
    if constexpr (kCount > 3) {
      odd2_a = hn::MulAdd(a2, in[3], in[1]), odd2_b = hn::MulAdd(b2, in[3], in[1]);
    }
    *even_a = even2_a, *even_b = even2_b;
    *odd_a = hn::Mul(a, odd2_a), *odd_b = hn::Mul(b, odd2_b);
  }
};

template <int kTile>
struct OutputAdjointMap {  // A
  static constexpr int kIn = kTile, kOut = 6;
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE void apply(D d, const V* in, V* out) {
    V even_a, odd_a, even_b, odd_b;
    PointValues<kTile>::apply(d, in, &even_a, &odd_a, &even_b, &odd_b);
    out[0] = in[0];
    out[1] = hn::Add(even_a, odd_a);
    out[2] = hn::Sub(even_a, odd_a);
    out[3] = hn::Add(even_b, odd_b);
    out[4] = hn::Sub(even_b, odd_b);
    out[5] = in[kTile - 1];
  }
};

template <int kTaps>
struct FilterMap {  // G
  static constexpr int kIn = kTaps, kOut = 6;
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE void apply(D d, const V* in, V* out) {
    const V scale_a = hn::Set(d, kScaleA), scale_b = hn::Set(d, kScaleB);
    V even_a, odd_a, even_b, odd_b;
    PointValues<kTaps>::apply(d, in, &even_a, &odd_a, &even_b, &odd_b);
    out[0] = hn::Mul(hn::Set(d, kScale0), in[0]);
    out[1] = hn::Mul(scale_a, hn::Add(even_a, odd_a));
    out[2] = hn::Mul(scale_a, hn::Sub(even_a, odd_a));
    out[3] = hn::Mul(scale_b, hn::Add(even_b, odd_b));
    out[4] = hn::Mul(scale_b, hn::Sub(even_b, odd_b));
    out[5] = in[kTaps - 1];
  }
};

template <int kTaps>
struct FilterAdjointMap {  // G'
  static constexpr int kIn = 6, kOut = kTaps;
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE void apply(D d, const V* in, V* out) {
    const V a = hn::Set(d, kA), b = hn::Set(d, kB), a2 = hn::Set(d, kA2), b2 = hn::Set(d, kB2);
    const V scale_a = hn::Set(d, kScaleA), scale_b = hn::Set(d, kScaleB);
    const V sum_a = hn::Mul(scale_a, hn::Add(in[1], in[2])),
            gap_a = hn::Mul(scale_a, hn::Sub(in[1], in[2]));
    const V sum_b = hn::Mul(scale_b, hn::Add(in[3], in[4])),
            gap_b = hn::Mul(scale_b, hn::Sub(in[3], in[4]));
    out[0] = hn::MulAdd(hn::Set(d, kScale0), in[0], hn::Add(sum_a, sum_b));
    if constexpr (kTaps == 2) {
      out[1] = hn::MulAdd(a, gap_a, hn::MulAdd(b, gap_b, in[5]));
    } else {
      out[1] = hn::MulAdd(a, gap_a, hn::Mul(b, gap_b));
      if constexpr (kTaps == 3) {
        out[2] = hn::MulAdd(a2, sum_a, hn::MulAdd(b2, sum_b, in[5]));
      } else {
        const V a3 = hn::Set(d, kA2 * kA), b3 = hn::Set(d, kB2 * kB);
        out[2] = hn::MulAdd(a2, sum_a, hn::Mul(b2, sum_b));
        out[3] = hn::MulAdd(a3, gap_a, hn::MulAdd(b3, gap_b, in[5]));
      }
    }
  }
};

// Elements of one channel group: where element i lies.
struct PixelSide {
  const float* const* in;
  float* const* out;
  HWY_INLINE const float* source(int i, int c) const { return in[i] + c; }
  HWY_INLINE float* target(int i, int c) const { return out[i] + c; }
};
struct PlaneSide {
  float* base;
  int64_t plane, panel;
  HWY_INLINE float* at(int i, int c) const { return base + i * plane + c / 16 * panel + c % 16; }
  HWY_INLINE const float* source(int i, int c) const { return at(i, c); }
  HWY_INLINE float* target(int i, int c) const { return at(i, c); }
};
// Pixels that results are added to, one after the other: some may be the same.
struct SumSide {
  float* const* out;
  HWY_INLINE float* target(int i, int c) const { return out[i] + c; }
};
// Sixteen channels at a time, `stride` floats apart.
struct StridedSide {
  const float* const* in;
  int64_t stride;
  HWY_INLINE const float* source(int i, int c) const { return in[i] + c / 16 * stride + c % 16; }
};
// Pixels, some of which are not wanted.
struct SomePixels : PixelSide {
  HWY_INLINE bool wanted(int i) const { return out[i] != nullptr; }
};
template <class To>
HWY_INLINE bool wanted(const To&, int) {
  return true;
}
HWY_INLINE bool wanted(const SomePixels& to, int i) { return to.wanted(i); }

template <class D, class To>
HWY_INLINE void store(D d, const To& to, int i, int c, hn::Vec<D> v) {
  hn::StoreU(v, d, to.target(i, c));
}
template <class D>
HWY_INLINE void store(D d, const SumSide& to, int i, int c, hn::Vec<D> v) {
  hn::StoreU(hn::Add(hn::LoadU(d, to.target(i, c)), v), d, to.target(i, c));
}

// M x M' on one vector of channels.
template <class Map, bool kBias, class D, class From, class To>
HWY_INLINE void transform_at(D d, const From& from, const To& to, const float* bias, int c) {
  using V = hn::Vec<D>;
  constexpr int kIn = Map::kIn, kOut = Map::kOut;
  V half[kOut * kIn];
  HWY_UNROLL(6)
  for (int x = 0; x < kIn; ++x) {
    V in[kIn], out[kOut];
    HWY_UNROLL(6)
    for (int y = 0; y < kIn; ++y) in[y] = hn::LoadU(d, from.source(y * kIn + x, c));
    Map::apply(d, in, out);
    HWY_UNROLL(6)
    for (int y = 0; y < kOut; ++y) half[y * kIn + x] = out[y];
  }
  const V add = kBias && bias != nullptr ? hn::LoadU(d, bias + c) : hn::Zero(d);
  HWY_UNROLL(6)
  for (int y = 0; y < kOut; ++y) {
    V out[kOut];
    Map::apply(d, half + y * kIn, out);
    HWY_UNROLL(6)
    for (int x = 0; x < kOut; ++x) {
      if (!wanted(to, y * kOut + x)) continue;
      store(d, to, y * kOut + x, c, kBias ? hn::Add(out[x], add) : out[x]);
    }
  }
}

template <class Map, bool kBias = false, class From, class To>
HWY_INLINE void transform(const From& from, const To& to, const float* bias, int channels) {
  const hn::CappedTag<float, 16> wide;
  const hn::CappedTag<float, 8> narrow;
  constexpr int kWide = hn::MaxLanes(wide), kNarrow = hn::MaxLanes(narrow);
  int c = 0;
  for (; c + kWide <= channels; c += kWide) transform_at<Map, kBias>(wide, from, to, bias, c);
  for (; c < channels; c += kNarrow) transform_at<Map, kBias>(narrow, from, to, bias, c);
}

void Input(const float* const* pixels, int channels, const Planes& to) {
  transform<InputMap>(PixelSide{pixels, nullptr}, PlaneSide{to.base, to.plane, to.panel}, nullptr,
                      channels);
}

void InputAdjoint(const Planes& from, int channels, float* const* pixels) {
  transform<InputAdjointMap>(PlaneSide{from.base, from.plane, from.panel}, SumSide{pixels}, nullptr,
                             channels);
}

template <int kTaps>
void output_adjoint(const float* const* pixels, int channels, const Planes& to) {
  transform<OutputAdjointMap<winograd_tile(kTaps)>>(
      PixelSide{pixels, nullptr}, PlaneSide{to.base, to.plane, to.panel}, nullptr, channels);
}
template <int kTaps>
void output(const Planes& from, int channels, const float* bias, float* const* pixels) {
  transform<OutputMap<winograd_tile(kTaps)>, true>(PlaneSide{from.base, from.plane, from.panel},
                                                   PixelSide{nullptr, pixels}, bias, channels);
}
template <int kTaps>
void filter(const float* const* rows, int64_t stride, int count, float* const* planes) {
  transform<FilterMap<kTaps>>(StridedSide{rows, stride}, SomePixels{{nullptr, planes}}, nullptr,
                              count);
}
template <int kTaps>
void filter_adjoint(const Planes& from, int count, float* rows, int64_t stride) {
  transform<FilterAdjointMap<kTaps>>(PlaneSide{from.base, from.plane, from.panel},
                                     PlaneSide{rows, stride, 16}, nullptr, count);
}

void OutputAdjoint(int taps, const float* const* pixels, int channels, const Planes& to) {
  if (taps == 2) return output_adjoint<2>(pixels, channels, to);
  if (taps == 3) return output_adjoint<3>(pixels, channels, to);
  output_adjoint<4>(pixels, channels, to);
}
void Output(int taps, const Planes& from, int channels, const float* bias, float* const* pixels) {
  if (taps == 2) return output<2>(from, channels, bias, pixels);
  if (taps == 3) return output<3>(from, channels, bias, pixels);
  output<4>(from, channels, bias, pixels);
}
void Filter(int taps, const float* const* rows, int64_t stride, int count, float* const* planes) {
  if (taps == 2) return filter<2>(rows, stride, count, planes);
  if (taps == 3) return filter<3>(rows, stride, count, planes);
  filter<4>(rows, stride, count, planes);
}
void FilterAdjoint(int taps, const Planes& from, int count, float* rows, int64_t stride) {
  if (taps == 2) return filter_adjoint<2>(from, count, rows, stride);
  if (taps == 3) return filter_adjoint<3>(from, count, rows, stride);
  filter_adjoint<4>(from, count, rows, stride);
}

}  // namespace HWY_NAMESPACE
}  // namespace gsx::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gsx::kernels {
HWY_EXPORT(Input);
HWY_EXPORT(InputAdjoint);
HWY_EXPORT(OutputAdjoint);
HWY_EXPORT(Output);
HWY_EXPORT(Filter);
HWY_EXPORT(FilterAdjoint);
void winograd_input(const float* const* pixels, int channels, const Planes& to) {
  GSX_DISPATCH(Input)(pixels, channels, to);
}
void winograd_input_adjoint(const Planes& from, int channels, float* const* pixels) {
  GSX_DISPATCH(InputAdjoint)(from, channels, pixels);
}
void winograd_output_adjoint(int taps, const float* const* pixels, int channels, const Planes& to) {
  GSX_DISPATCH(OutputAdjoint)(taps, pixels, channels, to);
}
void winograd_output(int taps, const Planes& from, int channels, const float* bias,
                     float* const* pixels) {
  GSX_DISPATCH(Output)(taps, from, channels, bias, pixels);
}
void winograd_filter(int taps, const float* const* rows, int64_t stride, int count,
                     float* const* planes) {
  GSX_DISPATCH(Filter)(taps, rows, stride, count, planes);
}
void winograd_filter_adjoint(int taps, const Planes& from, int count, float* rows, int64_t stride) {
  GSX_DISPATCH(FilterAdjoint)(taps, from, count, rows, stride);
}
}  // namespace gsx::kernels
#endif
