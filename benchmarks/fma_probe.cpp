// Twelve independent chains of fused multiply-adds.
#include "benchmarks/fma_probe.h"

#include "kernels/cpu/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "benchmarks/fma_probe.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace gsx::benchmarks {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

int64_t FmaWork(int64_t iterations) {
  constexpr int kChains = 12;
  const hn::ScalableTag<float> d;
  hn::Vec<decltype(d)> acc[kChains];
  const auto a = hn::Set(d, 0.999f), b = hn::Set(d, 0.001f);
  HWY_UNROLL(12)
  for (int c = 0; c < kChains; ++c) acc[c] = hn::Set(d, static_cast<float>(c));
  for (int64_t i = 0; i < iterations; ++i) {
    HWY_UNROLL(12)
    for (int c = 0; c < kChains; ++c) acc[c] = hn::MulAdd(acc[c], a, b);
  }
  auto sum = hn::Zero(d);
  HWY_UNROLL(12)
  for (int c = 0; c < kChains; ++c) sum = hn::Add(sum, acc[c]);
  const float seen = hn::GetLane(sum);
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  return 2 * kChains * lanes * iterations + (seen > 1e9f ? 1 : 0);
}

}  // namespace HWY_NAMESPACE
}  // namespace gsx::benchmarks
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gsx::benchmarks {
HWY_EXPORT(FmaWork);
int64_t fma_work(int64_t iterations) { return HWY_DYNAMIC_DISPATCH(FmaWork)(iterations); }
}  // namespace gsx::benchmarks
#endif
