// Philox4x32-10 (Salmon et al. 2011), a counter-based generator: draw number i of (seed, stream) is
// a pure function, so any element can be made anywhere, in any order. Draws 4b .. 4b+3 are block b.
#pragma once
#include <cstdint>

#include "kernels/exec.h"
#include "kernels/scalar.h"

namespace gsx::kernels {

struct PhiloxKey {
  uint64_t seed = 0, stream = 0;
};

struct PhiloxBlock {
  uint32_t v[4];
};

GSX_HD inline PhiloxBlock philox_block(PhiloxKey key, uint64_t block) {
  uint32_t c0 = static_cast<uint32_t>(block), c1 = static_cast<uint32_t>(block >> 32);
  uint32_t c2 = static_cast<uint32_t>(key.stream), c3 = static_cast<uint32_t>(key.stream >> 32);
  uint32_t k0 = static_cast<uint32_t>(key.seed), k1 = static_cast<uint32_t>(key.seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{0xD2511F53u} * c0, p1 = uint64_t{0xCD9E8D57u} * c2;
    const uint32_t n0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0;
    const uint32_t n2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c1 = static_cast<uint32_t>(p1);
    c3 = static_cast<uint32_t>(p0);
    c0 = n0;
    c2 = n2;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return {{c0, c1, c2, c3}};
}

GSX_HD inline uint32_t philox_draw(PhiloxKey key, uint64_t index) {
  return philox_block(key, index / 4).v[index % 4];
}

// [lo, hi) from one draw: 24 bits, so that the product is exact before it is scaled.
GSX_HD inline float philox_uniform(uint32_t draw, float lo, float hi) {
  const float u = static_cast<float>(draw >> 8) * 0x1p-24f;
  const float v = std::fma(hi - lo, u, lo);
  return v < hi ? v : lo;
}

// N(0, 1) from two draws (Box-Muller, cosine branch).
GSX_HD inline float philox_normal(uint32_t a, uint32_t b) {
  const float u = (static_cast<float>(a >> 8) + 1.0f) * 0x1p-24f;  // (0, 1]: the log stays finite
  const float turns = static_cast<float>(b >> 8) * 0x1p-24f;
  return std::sqrt(-2.0f * scalar::log(u)) * scalar::cos_turns(turns);
}

// Fill y, n floats, from draw number `first` on: one draw each, or two each for the normal.
struct PhiloxKernels {
  void (*uniform)(Exec&, PhiloxKey, uint64_t first, float lo, float hi, int64_t n, float* y);
  void (*normal)(Exec&, PhiloxKey, uint64_t first, float mean, float deviation, int64_t n,
                 float* y);
};
extern const PhiloxKernels cpu_philox;

}  // namespace gsx::kernels
