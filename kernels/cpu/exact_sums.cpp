// Exact sums on vectors of 64-bit numbers; any order gives the same bits.
#include "kernels/cpu/exact_sums.h"

#include <algorithm>

#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/simd.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/exact_sums.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace gsx::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

void add_one(int64_t v, uint64_t* sums, int64_t cs) {
  const auto square = static_cast<uint64_t>(v * v);
  sums[0] += static_cast<uint64_t>(v);
  sums[cs] += square & 0xffffffffu;
  sums[2 * cs] += square >> 32;
}

// The products of even lanes, of twice the width.
#if HWY_TARGET == HWY_WASM
// Highway 1.0's MulEven takes them for numbers without a sign there (google/highway#1637).
template <class V>
HWY_INLINE hn::Vec<hn::RepartitionToWide<hn::DFromV<V>>> even_products(V a, V b) {
  const hn::RepartitionToWide<hn::DFromV<V>> d;
  const auto even = [&](V v) { return hn::ShiftRight<32>(hn::ShiftLeft<32>(hn::BitCast(d, v))); };
  return hn::Vec<decltype(d)>{wasm_i64x2_mul(even(a).raw, even(b).raw)};
}
#else
template <class V>
HWY_INLINE hn::Vec<hn::RepartitionToWide<hn::DFromV<V>>> even_products(V a, V b) {
  return hn::MulEven(a, b);
}
#endif

// Eight squares below 2^60 fit 64 bits.
constexpr int kTogether = 8;

// One vector of channels; even lanes and odd ones apart.
template <class D>
HWY_INLINE void add_vector(D d, const int32_t* y, const int32_t* at, int count, uint64_t* sums,
                           int64_t cs) {
  const hn::Repartition<uint64_t, D> du;
  using V = hn::Vec<decltype(du)>;
  constexpr int kWide = hn::MaxLanes(du);
  const auto one = hn::Set(d, 1);
  const auto low_bits = hn::Set(du, 0xffffffffu);
  V all[6];
  HWY_UNROLL(6)
  for (int i = 0; i < 6; ++i) all[i] = hn::Zero(du);
  for (int begin = 0; begin < count; begin += kTogether) {
    const int end = count < begin + kTogether ? count : begin + kTogether;
    V even = hn::Zero(du), odd = hn::Zero(du);
    for (int i = begin; i < end; ++i) {
      const auto x = hn::LoadU(d, y + at[i]);
      const auto next = hn::BitCast(d, hn::ShiftRight<32>(hn::BitCast(du, x)));
      even = hn::Add(even, hn::BitCast(du, even_products(x, x)));
      odd = hn::Add(odd, hn::BitCast(du, even_products(next, next)));
      all[0] = hn::Add(all[0], hn::BitCast(du, even_products(x, one)));
      all[1] = hn::Add(all[1], hn::BitCast(du, even_products(next, one)));
    }
    all[2] = hn::Add(all[2], hn::And(even, low_bits));
    all[3] = hn::Add(all[3], hn::And(odd, low_bits));
    all[4] = hn::Add(all[4], hn::ShiftRight<32>(even));
    all[5] = hn::Add(all[5], hn::ShiftRight<32>(odd));
  }
  uint64_t lanes[kWide];
  HWY_UNROLL(6)
  for (int i = 0; i < 6; ++i) {
    hn::StoreU(all[i], du, lanes);
    uint64_t* to = sums + i / 2 * cs + i % 2;
    for (int lane = 0; lane < kWide; ++lane) to[2 * lane] += lanes[lane];
  }
}

void AddExactly(const int32_t* y, const int32_t* at, int count, int channels, uint64_t* sums,
                int64_t cs) {
  const hn::CappedTag<int32_t, 16> wide;
  const hn::CappedTag<int32_t, 8> narrow;
  constexpr int kWide = hn::MaxLanes(wide), kNarrow = hn::MaxLanes(narrow);
  int c = 0;
  if constexpr (kNarrow >= 2) {
    for (; c + kWide <= channels; c += kWide) add_vector(wide, y + c, at, count, sums + c, cs);
    for (; c + kNarrow <= channels; c += kNarrow)
      add_vector(narrow, y + c, at, count, sums + c, cs);
  }
  for (int i = 0; i < count; ++i)
    for (int k = c; k < channels; ++k) add_one(y[at[i] + k], sums + k, cs);
}

}  // namespace HWY_NAMESPACE
}  // namespace gsx::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gsx::kernels {
HWY_EXPORT(AddExactly);
void add_exactly(const int32_t* y, const int32_t* at, int count, int channels, uint64_t* sums,
                 int64_t cs) {
  GSX_DISPATCH(AddExactly)(y, at, count, channels, sums, cs);
}
}  // namespace gsx::kernels
#endif
