// What warp operations compute: run by the last lane to arrive, for all lanes. Built without
// ThreadSanitizer, as lanes read and write each other's stacks here.
#include <cmath>
#include <cstring>
#include <string>

#include "kernels/runtime/emulated/device_access.h"
#include "kernels/runtime/emulated/scheduler.h"

// Internal functions only: others of the same name must not need what this one needs.
#if defined(__x86_64__)
#define GSX_FMA_CODE __attribute__((target("avx2,fma"), optimize("O3")))
#else
#define GSX_FMA_CODE
#endif

namespace gsx::kernels::emulated::gpu {

namespace {

constexpr unsigned kAll = 0xffffffffu;

float from_bits(uint32_t u) {
  float v;
  std::memcpy(&v, &u, sizeof v);
  return v;
}

uint32_t bf16_bits(float v) {
  uint32_t u;
  std::memcpy(&u, &v, sizeof u);
  return std::isnan(v) ? 0x7fffu : (u + 0x7fffu + (u >> 16 & 1)) >> 16;
}

struct Fragments {
  const uint32_t* a;
  const uint32_t* b;
};

template <int kPerPiece>
float element(uint32_t piece, int i) {
  if (kPerPiece == 1) return from_bits(piece & 0xffffe000u);
  return from_bits(i == 0 ? piece << 16 : piece & 0xffff0000u);
}

// A matrix multiply of which one lane holds little: lane 4 g + t holds rows g and g + 8 of a and d,
// column g of b; along k the pieces 4 j + t, and columns 2 t, 2 t + 1 of d. A piece is one TF32 or
// two BF16. Sums run in ascending k, each product fused.
template <int kPerPiece>
GSX_FMA_CODE void combine_mma(const Lane* lanes, unsigned) {
  constexpr int kDepth = 8 * kPerPiece;
  float a[16][kDepth], b[kDepth][8], d[16][8];
  for (int lane = 0; lane < 32; ++lane) {
    const auto* in = static_cast<const Fragments*>(lanes[lane].in);
    const auto* sum = static_cast<const float*>(lanes[lane].out);
    const int g = lane / 4, t = lane % 4;
    for (int half = 0; half < 2; ++half) {
      for (int i = 0; i < kPerPiece; ++i) {
        const int k = (4 * half + t) * kPerPiece + i;
        a[g][k] = element<kPerPiece>(in->a[2 * half], i);
        a[g + 8][k] = element<kPerPiece>(in->a[2 * half + 1], i);
        b[k][g] = element<kPerPiece>(in->b[half], i);
      }
    }
    for (int i = 0; i < 4; ++i) d[g + i / 2 * 8][2 * t + i % 2] = sum[i];
  }
  for (int row = 0; row < 16; ++row) {
    for (int k = 0; k < kDepth; ++k) {
      for (int n = 0; n < 8; ++n) d[row][n] = std::fma(a[row][k], b[k][n], d[row][n]);
    }
  }
  for (int lane = 0; lane < 32; ++lane) {
    auto* sum = static_cast<float*>(lanes[lane].out);
    for (int i = 0; i < 4; ++i) sum[i] = d[lane / 4 + i / 2 * 8][lane % 4 * 2 + i % 2];
  }
}

// `in`: the 8 elements of the row this lane loaded. Row r of matrix m was loaded by lane 8 m + r.
template <bool transposed>
void combine_ldmatrix(const Lane* lanes, unsigned) {
  const auto element = [&](int matrix, int row, int column) -> uint32_t {
    return static_cast<const uint16_t*>(lanes[8 * matrix + row].in)[column];
  };
  for (int lane = 0; lane < 32; ++lane) {
    auto* r = static_cast<uint32_t*>(lanes[lane].out);
    const int row = lane / 4, column = lane % 4 * 2;
    for (int m = 0; m < 4; ++m) {
      r[m] = transposed ? element(m, column, row) | element(m, column + 1, row) << 16
                        : element(m, row, column) | element(m, row, column + 1) << 16;
    }
  }
}

}  // namespace

void combine_shuffle(const Lane* lanes, unsigned mask) {
  for (int lane = 0; lane < 32; ++lane) {
    if (!(mask >> lane & 1)) continue;
    const int source = static_cast<const Shuffle*>(lanes[lane].in)->source;
    if (source < 0 || source > 31 || !(mask >> source & 1)) {
      Scheduler::running().fail([&] {
        return "mask mismatch: lane " + std::to_string(lane) + " shuffles from lane " +
               std::to_string(source) + ", which is not in the mask";
      });
    }
    std::memcpy(lanes[lane].out, &static_cast<const Shuffle*>(lanes[source].in)->bits,
                sizeof(uint64_t));
  }
}

void combine_ballot(const Lane* lanes, unsigned mask) {
  unsigned votes = 0;
  for (int lane = 0; lane < 32; ++lane) {
    if ((mask >> lane & 1) && *static_cast<const bool*>(lanes[lane].in)) votes |= 1u << lane;
  }
  for (int lane = 0; lane < 32; ++lane) {
    if (mask >> lane & 1) *static_cast<unsigned*>(lanes[lane].out) = votes;
  }
}

uint32_t pack_bf16(float low, float high) { return bf16_bits(low) | bf16_bits(high) << 16; }

namespace {
void ldmatrix(const char* name, Combine combine, uint32_t (&r)[4], const void* row,
              const Site& site) {
  if (reinterpret_cast<uintptr_t>(row) % 16 != 0) {
    Scheduler::running().fail(
        [&] { return std::string(name) + ": a row must be 16-byte aligned"; });
  }
  uint16_t loaded[8];
  load_device(loaded, row, sizeof loaded);
  warp_operation(name, combine, kAll, {loaded, r}, site);
}
}  // namespace

void ldmatrix_x4(uint32_t (&r)[4], const void* shared_row, const Site& site) {
  ldmatrix("ldmatrix_x4", combine_ldmatrix<false>, r, shared_row, site);
}
void ldmatrix_x4_trans(uint32_t (&r)[4], const void* shared_row, const Site& site) {
  ldmatrix("ldmatrix_x4_trans", combine_ldmatrix<true>, r, shared_row, site);
}

void mma_m16n8k8_tf32(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2],
                      const Site& site) {
  const Fragments in{a, b};
  warp_operation("mma_m16n8k8_tf32", combine_mma<1>, kAll, {&in, d}, site);
}
void mma_m16n8k16_bf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2],
                       const Site& site) {
  const Fragments in{a, b};
  warp_operation("mma_m16n8k16_bf16", combine_mma<2>, kAll, {&in, d}, site);
}

}  // namespace gsx::kernels::emulated::gpu
