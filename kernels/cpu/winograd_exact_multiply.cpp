// Products of exact Winograd convolution: pairs of 16-bit factors, sums that may wrap.
#include <cstring>

#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/simd_vnni.h"
#include "kernels/cpu/winograd_exact.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/winograd_exact_multiply.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace gsx::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class V>
using Pairs = hn::Vec<hn::Repartition<int16_t, hn::DFromV<V>>>;

#if HWY_TARGET == HWY_AVX3_DL
// As add_products of conv_quantized.cpp, and in the assembler's words for the same reason.
template <class V>
HWY_INLINE void add_pairs(Pairs<V> x, Pairs<V> w, V& sum, V&) {
  asm("vpdpwssd %2, %1, %0" : "+v"(sum.raw) : "v"(x.raw), "v"(w.raw));
}
#else
template <class V>
HWY_INLINE void add_pairs(Pairs<V> x, Pairs<V> w, V& sum, V& odd) {
  sum = hn::ReorderWidenMulAccumulate(hn::DFromV<V>(), x, w, sum, odd);
}
#endif

// Tiles times vectors of outputs that have sums in registers. NEON keeps two sums for each.
constexpr int kFewTiles = 6, kManyTiles = HWY_TARGET == HWY_NEON ? 6 : 12;
constexpr int kWideVectors = HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL ? 4 : 2;

template <int kTiles, int kVectors, class D>
HWY_INLINE void tile_products(D d, const ExactProducts& b, int tile, const char* next) {
  const hn::Repartition<int16_t, D> d16;
  using V = hn::Vec<D>;
  constexpr int kLanes = hn::MaxLanes(d);
  V even[kTiles * kVectors], odd[kTiles * kVectors];
  HWY_UNROLL(24)
  for (int i = 0; i < kTiles * kVectors; ++i) even[i] = odd[i] = hn::Zero(d);
  const int16_t* HWY_RESTRICT in[kTiles];
  HWY_UNROLL(12)
  for (int i = 0; i < kTiles; ++i) in[i] = b.in + (tile + i) * b.in_tile;
  const int16_t* HWY_RESTRICT w = b.w;
  for (int j = 0; j < b.pairs; ++j, w += 2 * kVectors * kLanes) {
    __builtin_prefetch(next + 64 * j);
    hn::Vec<decltype(d16)> wv[kVectors];
    HWY_UNROLL(4)
    for (int v = 0; v < kVectors; ++v) wv[v] = hn::LoadU(d16, w + 2 * v * kLanes);
    HWY_UNROLL(12)
    for (int i = 0; i < kTiles; ++i) {
      int32_t pair;
      std::memcpy(&pair, in[i] + 2 * j, sizeof(pair));
      const auto x = hn::BitCast(d16, hn::Set(d, pair));
      HWY_UNROLL(4)
      for (int v = 0; v < kVectors; ++v)
        add_pairs(x, wv[v], even[i * kVectors + v], odd[i * kVectors + v]);
    }
  }
  HWY_UNROLL(12)
  for (int i = 0; i < kTiles; ++i) {
    auto* out = reinterpret_cast<int32_t*>(b.out + (tile + i) * b.out_tile);
    HWY_UNROLL(4)
    for (int v = 0; v < kVectors; ++v) {
      const int at = i * kVectors + v;
      hn::StoreU(hn::RearrangeToOddPlusEven(even[at], odd[at]), d, out + v * kLanes);
    }
  }
}

// All tiles, in blocks that differ by one at most; each sends for its share of what comes next.
template <int kVectors, class D>
HWY_NOINLINE void panel_products(D d, const ExactProducts& b) {
  const auto* next = static_cast<const char*>(b.next);
  const int64_t step = int64_t{64} * b.pairs;
  int i = 0;
  if constexpr (kVectors == 1 && kManyTiles > kFewTiles) {
    for (; i + kManyTiles <= b.tiles; i += kManyTiles, next += step)
      tile_products<kManyTiles, kVectors>(d, b, i, next);
  }
  int blocks = (b.tiles - i + kFewTiles - 1) / kFewTiles;
  for (; blocks > 0; --blocks) {
    const int count = (b.tiles - i + blocks - 1) / blocks;
    switch (count) {
      case 6: tile_products<6, kVectors>(d, b, i, next); break;
      case 5: tile_products<5, kVectors>(d, b, i, next); break;
      case 4: tile_products<4, kVectors>(d, b, i, next); break;
      case 3: tile_products<3, kVectors>(d, b, i, next); break;
      case 2: tile_products<2, kVectors>(d, b, i, next); break;
      default: tile_products<1, kVectors>(d, b, i, next); break;
    }
    i += count;
    next += step;
  }
}

template <class D>
void multiply_exactly(const ExactProducts& b) {
  const D d;
  switch (b.width / static_cast<int>(hn::MaxLanes(d))) {
    case 1: return panel_products<1>(d, b);
    case 2: return panel_products<2>(d, b);
    case 3: return panel_products<kWideVectors - 1>(d, b);
    default: return panel_products<kWideVectors>(d, b);
  }
}

// Measured over layers of 8 to 256 channels and 8x8 to 128x128 pixels, on one core of a Sapphire
// Rapids processor; of NEON nothing is measured, it multiplies as AVX2 does.
constexpr ExactCosts kCosts = HWY_TARGET == HWY_AVX3_DL ? ExactCosts{1.7f, 45, 25, 28}
                              : HWY_TARGET == HWY_AVX3  ? ExactCosts{1.1f, 3.3f, 22, 3.3f}
                                                        : ExactCosts{1.05f, 6, 25, 5};

template <class D = hn::CappedTag<int32_t, 16>>
constexpr ExactWinograd table() {
  constexpr int kLanes = hn::MaxLanes(D());
  if constexpr (kLanes < 4) {
    return {};
  } else {
    return {kLanes, kWideVectors * kLanes, kCosts, multiply_exactly<D>};
  }
}

const ExactWinograd& exact_table() {
  static constexpr ExactWinograd kTable = table();
  return kTable;
}

}  // namespace HWY_NAMESPACE
}  // namespace gsx::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gsx::kernels {
HWY_EXPORT(exact_table);
const ExactWinograd& exact_winograd() { return GSX_DISPATCH(exact_table)(); }
}  // namespace gsx::kernels
#endif
