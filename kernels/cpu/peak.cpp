// Twelve independent chains of fused multiply-adds per thread; see kernels/peak.h.
#include "kernels/peak.h"

#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/peak.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace gsx::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Returns how many operations it did.
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
}  // namespace gsx::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gsx::kernels {
namespace {

HWY_EXPORT(FmaWork);

double multiply_adds(Exec& e, int64_t rounds) {
  const UseIsa use(usable_sets(e.isa));
  constexpr int64_t kIterations = 1000;
  std::vector<int64_t> work(static_cast<size_t>(e.pool->size()));
  e.pool->run(e.pool->size(), [&](int64_t task, int) {
    work[static_cast<size_t>(task)] = GSX_DISPATCH(FmaWork)(kIterations * rounds);
  });
  double total = 0;
  for (const int64_t w : work) total += static_cast<double>(w);
  return total;
}

}  // namespace

const PeakKernels cpu_peak = {multiply_adds};

}  // namespace gsx::kernels
#endif
