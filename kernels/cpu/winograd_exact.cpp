// Transforms of exact Winograd convolution, vectors along channels; see winograd_exact.h.
#include "kernels/cpu/winograd_exact.h"

#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/winograd_exact.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace gsx::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class V>
HWY_INLINE V twice(V v) {
  return hn::Add(v, v);
}

// out = B' in. Steps on the way may wrap around 2^16; what comes out fits.
template <class V>
HWY_INLINE void input_map(const V* in, V* out) {
  const V a = hn::Sub(in[1], in[3]), b = hn::Sub(in[2], in[4]);
  const V p = hn::Add(a, b), q = hn::Sub(a, b);
  const V s = hn::Add(in[2], in[3]), t = hn::Sub(in[2], in[3]);
  out[0] = hn::Add(twice(hn::Add(hn::Sub(in[0], in[2]), q)), a);
  out[1] = hn::Add(twice(hn::Add(p, s)), s);
  out[2] = hn::Add(twice(hn::Add(q, t)), t);
  out[3] = hn::Add(a, twice(b));
  out[4] = hn::Sub(twice(a), b);
  out[5] = hn::Add(twice(hn::Add(hn::Sub(in[5], in[3]), p)), b);
}

// out = G in.
template <class V>
HWY_INLINE void filter_map(const V* in, V* out) {
  const auto times5 = [](V v) { return hn::Add(hn::ShiftLeft<2>(v), v); };
  const auto times15 = [](V v) { return hn::Sub(hn::ShiftLeft<4>(v), v); };
  const V ends = hn::Add(in[0], in[2]);
  out[0] = times15(in[0]);
  out[1] = times5(hn::Add(ends, in[1]));
  out[2] = times5(hn::Sub(ends, in[1]));
  out[3] = hn::Sub(hn::Sub(hn::Zero(hn::DFromV<V>()), in[0]), twice(hn::Add(in[1], twice(in[2]))));
  out[4] = hn::Sub(twice(hn::Sub(in[1], twice(in[0]))), in[2]);
  out[5] = times15(in[2]);
}

// out = A' in, modulo 2^32.
template <class V>
HWY_INLINE void output_map(const V* in, V* out) {
  const V s = hn::Add(in[1], in[2]), q = hn::Sub(in[1], in[2]);
  const V four = hn::ShiftLeft<2>(in[4]), z = hn::Sub(in[3], twice(in[4]));
  out[0] = hn::Add(hn::Add(in[0], s), hn::Add(in[3], twice(four)));
  out[1] = hn::Add(q, twice(z));
  out[2] = hn::Add(s, twice(hn::Add(twice(in[3]), in[4])));
  out[3] = hn::Add(hn::Add(q, hn::ShiftLeft<3>(in[3])), hn::Sub(in[5], in[4]));
}

// 16-bit values of `pixel`.
template <class D>
HWY_INLINE hn::Vec<D> widened(D d, const int16_t* pixel) {
  return hn::LoadU(d, pixel);
}
template <class D, class T>
HWY_INLINE hn::Vec<D> widened(D d, const T* pixel) {
  return hn::PromoteTo(d, hn::LoadU(hn::Rebind<T, D>(), pixel));
}

template <class D, class T>
HWY_INLINE void input_at(D d, const T* const* pixels, int c, int16_t* to, int64_t plane) {
  using V = hn::Vec<D>;
  V half[kExactPlanes];
  HWY_UNROLL(6)
  for (int x = 0; x < kExactReach; ++x) {
    V in[kExactReach], out[kExactReach];
    HWY_UNROLL(6)
    for (int y = 0; y < kExactReach; ++y) in[y] = widened(d, pixels[y * kExactReach + x] + c);
    input_map(in, out);
    HWY_UNROLL(6)
    for (int y = 0; y < kExactReach; ++y) half[y * kExactReach + x] = out[y];
  }
  HWY_UNROLL(6)
  for (int y = 0; y < kExactReach; ++y) {
    V out[kExactReach];
    input_map(half + y * kExactReach, out);
    HWY_UNROLL(6)
    for (int x = 0; x < kExactReach; ++x)
      hn::StoreU(out[x], d, to + (y * kExactReach + x) * plane + c);
  }
}

template <class T>
void input_with(const T* const* pixels, int channels, int16_t* to, int64_t plane) {
  const hn::CappedTag<int16_t, 32> wide;
  const hn::CappedTag<int16_t, 16> middle;
  const hn::CappedTag<int16_t, 8> narrow;
  constexpr int kWide = hn::MaxLanes(wide), kMiddle = hn::MaxLanes(middle),
                kNarrow = hn::MaxLanes(narrow);
  int c = 0;
  for (; c + kWide <= channels; c += kWide) input_at(wide, pixels, c, to, plane);
  if constexpr (kMiddle < kWide)
    for (; c + kMiddle <= channels; c += kMiddle) input_at(middle, pixels, c, to, plane);
  if constexpr (kNarrow < kMiddle)
    for (; c < channels; c += kNarrow) input_at(narrow, pixels, c, to, plane);
}

// Weights of a pair of channels, [output][2], of those of four, [output][4] bytes: the lower or the
// upper two. Their sign comes down from the upper byte of 16 bits.
template <bool kUpper, class D>
HWY_INLINE hn::Vec<D> pair_of(D d, const int8_t* quads) {
  const hn::Repartition<int32_t, D> d32;
  const auto all = hn::LoadU(d32, reinterpret_cast<const int32_t*>(quads));
  const auto even = hn::BitCast(d, kUpper ? hn::ShiftRight<8>(all) : hn::ShiftLeft<8>(all));
  const auto odd = hn::BitCast(d, kUpper ? all : hn::ShiftLeft<16>(all));
  return hn::ShiftRight<8>(hn::OddEven(odd, even));
}

template <bool kUpper, class D>
HWY_INLINE void filter_at(D d, const ExactFilter& f, int quad, int k) {
  using V = hn::Vec<D>;
  V half[kExactReach * 3];
  HWY_UNROLL(3)
  for (int x = 0; x < 3; ++x) {
    V in[3], out[kExactReach];
    HWY_UNROLL(3)
    for (int y = 0; y < 3; ++y)
      in[y] = pair_of<kUpper>(d, f.rows[3 * y + x] + quad * f.row + 4 * k);
    filter_map(in, out);
    HWY_UNROLL(6)
    for (int y = 0; y < kExactReach; ++y) half[3 * y + x] = out[y];
  }
  int16_t* to = f.to + (2 * quad + kUpper) * f.pair + 2 * k;
  HWY_UNROLL(6)
  for (int y = 0; y < kExactReach; ++y) {
    V out[kExactReach];
    filter_map(half + 3 * y, out);
    HWY_UNROLL(6)
    for (int x = 0; x < kExactReach; ++x)
      hn::StoreU(out[x], d, to + (y * kExactReach + x) * f.plane);
  }
}

template <class D>
HWY_INLINE void filter_quads(D d, const ExactFilter& f, int k) {
  for (int quad = 0; quad < f.quads; ++quad) {
    filter_at<false>(d, f, quad, k);
    if (2 * quad + 1 < f.pairs) filter_at<true>(d, f, quad, k);
  }
}

template <class D>
HWY_INLINE void filter_with(D wide, const ExactFilter& f) {
  const hn::CappedTag<int16_t, 16> narrow;
  constexpr int kWide = hn::MaxLanes(wide) / 2, kNarrow = hn::MaxLanes(narrow) / 2;
  if constexpr (kNarrow >= 4) {  // else there are no vectors
    int k = 0;
    for (; k + kWide <= f.outputs; k += kWide) filter_quads(wide, f, k);
    if constexpr (kNarrow < kWide)
      for (; k < f.outputs; k += kNarrow) filter_quads(narrow, f, k);
  }
}

template <class D>
HWY_INLINE void output_at(D d, const ExactOutput& o, int c) {
  const hn::RebindToSigned<D> di;
  using V = hn::Vec<D>;
  V half[kExactTile * kExactReach];
  HWY_UNROLL(6)
  for (int x = 0; x < kExactReach; ++x) {
    V in[kExactReach], out[kExactTile];
    HWY_UNROLL(6)
    for (int y = 0; y < kExactReach; ++y) {
      const uint32_t* m = o.m + (y * kExactReach + x) * o.plane + c;
      __builtin_prefetch(m + o.m_next);
      in[y] = hn::LoadU(d, m);
    }
    output_map(in, out);
    HWY_UNROLL(4)
    for (int y = 0; y < kExactTile; ++y) half[y * kExactReach + x] = out[y];
  }
  const V inverse = hn::Set(d, kInverseOf225);
  HWY_UNROLL(4)
  for (int y = 0; y < kExactTile; ++y) {
    V out[kExactTile];
    output_map(half + y * kExactReach, out);
    if (y >= o.rows) continue;
    int32_t* to = o.y + y * o.row + c;
    HWY_UNROLL(4)
    for (int x = 0; x < kExactTile; ++x) {
      if (x >= o.columns) continue;
      __builtin_prefetch(to + x * o.column + o.y_next, 1);
      const auto times4 = hn::BitCast(di, hn::Mul(out[x], inverse));
      hn::StoreU(hn::ShiftRight<2>(times4), di, to + x * o.column);
    }
  }
}

void ExactOutputPixels(const ExactOutput& o) {
  const hn::CappedTag<uint32_t, 16> wide;
  const hn::CappedTag<uint32_t, 8> narrow;
  constexpr int kWide = hn::MaxLanes(wide), kNarrow = hn::MaxLanes(narrow);
  int c = 0;
  for (; c + kWide <= o.channels; c += kWide) output_at(wide, o, c);
  if constexpr (kNarrow < kWide)
    for (; c < o.channels; c += kNarrow) output_at(narrow, o, c);
}

void ExactInputU8(const uint8_t* const* pixels, int channels, int16_t* to, int64_t plane) {
  input_with(pixels, channels, to, plane);
}
void ExactInputS8(const int8_t* const* pixels, int channels, int16_t* to, int64_t plane) {
  input_with(pixels, channels, to, plane);
}
void ExactInputS16(const int16_t* const* pixels, int channels, int16_t* to, int64_t plane) {
  input_with(pixels, channels, to, plane);
}
void ExactFilterPlanes(const ExactFilter& f) { filter_with(hn::CappedTag<int16_t, 32>(), f); }

}  // namespace HWY_NAMESPACE
}  // namespace gsx::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gsx::kernels {
HWY_EXPORT(ExactInputU8);
HWY_EXPORT(ExactInputS8);
HWY_EXPORT(ExactInputS16);
HWY_EXPORT(ExactFilterPlanes);
HWY_EXPORT(ExactOutputPixels);
void exact_input(const uint8_t* const* pixels, int channels, int16_t* to, int64_t plane) {
  GSX_DISPATCH(ExactInputU8)(pixels, channels, to, plane);
}
void exact_input(const int8_t* const* pixels, int channels, int16_t* to, int64_t plane) {
  GSX_DISPATCH(ExactInputS8)(pixels, channels, to, plane);
}
void exact_input(const int16_t* const* pixels, int channels, int16_t* to, int64_t plane) {
  GSX_DISPATCH(ExactInputS16)(pixels, channels, to, plane);
}
void exact_filter(const ExactFilter& f) { GSX_DISPATCH(ExactFilterPlanes)(f); }
void exact_output(const ExactOutput& o) { GSX_DISPATCH(ExactOutputPixels)(o); }
}  // namespace gsx::kernels
#endif
