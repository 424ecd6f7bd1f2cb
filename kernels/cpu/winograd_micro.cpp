// Winograd transforms, vectors along channels.
#include "kernels/cpu/winograd_micro.h"

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

struct OutputMap {  // A'
  static constexpr int kIn = 6, kOut = 4;
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE void apply(D d, const V* in, V* out) {
    const V a = hn::Set(d, kA), b = hn::Set(d, kB), a2 = hn::Set(d, kA2), b2 = hn::Set(d, kB2);
    const V a3 = hn::Set(d, kA2 * kA), b3 = hn::Set(d, kB2 * kB);
    const V sum_a = hn::Add(in[1], in[2]), gap_a = hn::Sub(in[1], in[2]);
    const V sum_b = hn::Add(in[3], in[4]), gap_b = hn::Sub(in[3], in[4]);
    out[0] = hn::Add(in[0], hn::Add(sum_a, sum_b));
    out[1] = hn::MulAdd(a, gap_a, hn::Mul(b, gap_b));
    out[2] = hn::MulAdd(a2, sum_a, hn::Mul(b2, sum_b));
    out[3] = hn::MulAdd(a3, gap_a, hn::MulAdd(b3, gap_b, in[5]));
  }
};

struct OutputAdjointMap {  // A
  static constexpr int kIn = 4, kOut = 6;
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE void apply(D d, const V* in, V* out) {
    const V a = hn::Set(d, kA), b = hn::Set(d, kB), a2 = hn::Set(d, kA2), b2 = hn::Set(d, kB2);
    const V even_a = hn::MulAdd(a2, in[2], in[0]), odd_a = hn::Mul(a, hn::MulAdd(a2, in[3], in[1]));
    const V even_b = hn::MulAdd(b2, in[2], in[0]), odd_b = hn::Mul(b, hn::MulAdd(b2, in[3], in[1]));
    out[0] = in[0];
    out[1] = hn::Add(even_a, odd_a);
    out[2] = hn::Sub(even_a, odd_a);
    out[3] = hn::Add(even_b, odd_b);
    out[4] = hn::Sub(even_b, odd_b);
    out[5] = in[3];
  }
};

struct FilterMap {  // G
  static constexpr int kIn = 3, kOut = 6;
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE void apply(D d, const V* in, V* out) {
    const V a = hn::Set(d, kA), b = hn::Set(d, kB), a2 = hn::Set(d, kA2), b2 = hn::Set(d, kB2);
    const V scale_a = hn::Set(d, kScaleA), scale_b = hn::Set(d, kScaleB);
    const V even_a = hn::MulAdd(a2, in[2], in[0]), odd_a = hn::Mul(a, in[1]);
    const V even_b = hn::MulAdd(b2, in[2], in[0]), odd_b = hn::Mul(b, in[1]);
    out[0] = hn::Mul(hn::Set(d, kScale0), in[0]);
    out[1] = hn::Mul(scale_a, hn::Add(even_a, odd_a));
    out[2] = hn::Mul(scale_a, hn::Sub(even_a, odd_a));
    out[3] = hn::Mul(scale_b, hn::Add(even_b, odd_b));
    out[4] = hn::Mul(scale_b, hn::Sub(even_b, odd_b));
    out[5] = in[2];
  }
};

struct FilterAdjointMap {  // G'
  static constexpr int kIn = 6, kOut = 3;
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE void apply(D d, const V* in, V* out) {
    const V a = hn::Set(d, kA), b = hn::Set(d, kB), a2 = hn::Set(d, kA2), b2 = hn::Set(d, kB2);
    const V scale_a = hn::Set(d, kScaleA), scale_b = hn::Set(d, kScaleB);
    const V sum_a = hn::Mul(scale_a, hn::Add(in[1], in[2])),
            gap_a = hn::Mul(scale_a, hn::Sub(in[1], in[2]));
    const V sum_b = hn::Mul(scale_b, hn::Add(in[3], in[4])),
            gap_b = hn::Mul(scale_b, hn::Sub(in[3], in[4]));
    out[0] = hn::MulAdd(hn::Set(d, kScale0), in[0], hn::Add(sum_a, sum_b));
    out[1] = hn::MulAdd(a, gap_a, hn::Mul(b, gap_b));
    out[2] = hn::MulAdd(a2, sum_a, hn::MulAdd(b2, sum_b, in[5]));
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

// M x M' on one vector of channels.
template <class Map, class D, class From, class To>
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
  const V add = bias != nullptr ? hn::LoadU(d, bias + c) : hn::Zero(d);
  HWY_UNROLL(6)
  for (int y = 0; y < kOut; ++y) {
    V out[kOut];
    Map::apply(d, half + y * kIn, out);
    HWY_UNROLL(6)
    for (int x = 0; x < kOut; ++x) {
      hn::StoreU(kOut == 4 ? hn::Add(out[x], add) : out[x], d, to.target(y * kOut + x, c));
    }
  }
}

template <class Map, class From, class To>
HWY_INLINE void transform(const From& from, const To& to, const float* bias, int channels) {
  const hn::CappedTag<float, 16> wide;
  const hn::CappedTag<float, 8> narrow;
  constexpr int kWide = hn::MaxLanes(wide), kNarrow = hn::MaxLanes(narrow);
  int c = 0;
  for (; c + kWide <= channels; c += kWide) transform_at<Map>(wide, from, to, bias, c);
  for (; c < channels; c += kNarrow) transform_at<Map>(narrow, from, to, bias, c);
}

void Input(const float* const* pixels, int channels, const Planes& to) {
  transform<InputMap>(PixelSide{pixels, nullptr}, PlaneSide{to.base, to.plane, to.panel}, nullptr,
                      channels);
}
void OutputAdjoint(const float* const* pixels, int channels, const Planes& to) {
  transform<OutputAdjointMap>(PixelSide{pixels, nullptr}, PlaneSide{to.base, to.plane, to.panel},
                              nullptr, channels);
}
void Output(const Planes& from, int channels, const float* bias, float* const* pixels) {
  transform<OutputMap>(PlaneSide{from.base, from.plane, from.panel}, PixelSide{nullptr, pixels},
                       bias, channels);
}
void Filter(const float* taps, int64_t stride, int count, const Planes& to) {
  transform<FilterMap>(PlaneSide{const_cast<float*>(taps), stride, 16},
                       PlaneSide{to.base, to.plane, to.panel}, nullptr, count);
}
void FilterAdjoint(const Planes& from, int count, float* taps, int64_t stride) {
  transform<FilterAdjointMap>(PlaneSide{from.base, from.plane, from.panel},
                              PlaneSide{taps, stride, 16}, nullptr, count);
}

}  // namespace HWY_NAMESPACE
}  // namespace gsx::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gsx::kernels {
HWY_EXPORT(Input);
HWY_EXPORT(OutputAdjoint);
HWY_EXPORT(Output);
HWY_EXPORT(Filter);
HWY_EXPORT(FilterAdjoint);
void winograd_input(const float* const* pixels, int channels, const Planes& to) {
  HWY_DYNAMIC_DISPATCH(Input)(pixels, channels, to);
}
void winograd_output_adjoint(const float* const* pixels, int channels, const Planes& to) {
  HWY_DYNAMIC_DISPATCH(OutputAdjoint)(pixels, channels, to);
}
void winograd_output(const Planes& from, int channels, const float* bias, float* const* pixels) {
  HWY_DYNAMIC_DISPATCH(Output)(from, channels, bias, pixels);
}
void winograd_filter(const float* taps, int64_t stride, int count, const Planes& to) {
  HWY_DYNAMIC_DISPATCH(Filter)(taps, stride, count, to);
}
void winograd_filter_adjoint(const Planes& from, int count, float* taps, int64_t stride) {
  HWY_DYNAMIC_DISPATCH(FilterAdjoint)(from, count, taps, stride);
}
}  // namespace gsx::kernels
#endif
