// Parallel fills from the counter-based generator.
#include "kernels/philox.h"

#include "kernels/cpu/parallel.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/philox.cpp"
#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/simd.h"
// Highway comes after the choice of targets.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace gsx::kernels {
namespace HWY_NAMESPACE {
namespace {

constexpr int64_t kGrain = 4096;

void uniform(Exec& e, PhiloxKey key, uint64_t first, float lo, float hi, int64_t n, float* y) {
  e.pool->for_ranges(n, kGrain, [&](int64_t begin, int64_t end) {
    PhiloxBlock block = philox_block(key, (first + begin) / 4);
    for (int64_t i = begin; i < end; ++i) {
      const uint64_t draw = first + i;
      if (draw % 4 == 0) block = philox_block(key, draw / 4);
      y[i] = philox_uniform(block.v[draw % 4], lo, hi);
    }
  });
}

void normal(Exec& e, PhiloxKey key, uint64_t first, float mean, float deviation, int64_t n,
            float* y) {
  e.pool->for_ranges(n, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const uint64_t draw = first + 2 * static_cast<uint64_t>(i);
      const PhiloxBlock block = philox_block(key, draw / 4);
      const uint32_t a = block.v[draw % 4];
      const uint32_t b = draw % 4 == 3 ? philox_draw(key, draw + 1) : block.v[draw % 4 + 1];
      y[i] = std::fma(deviation, philox_normal(a, b), mean);
    }
  });
}

const PhiloxKernels& table() {
  static constexpr PhiloxKernels kTable = {uniform, normal};
  return kTable;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace gsx::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gsx::kernels {
namespace {
HWY_EXPORT(table);
const PhiloxKernels& best() { return GSX_DISPATCH(table)(); }
template <auto entry>
constexpr auto kBest = Dispatch<entry, best>::call;
}  // namespace

const PhiloxKernels cpu_philox = {kBest<&PhiloxKernels::uniform>, kBest<&PhiloxKernels::normal>};

}  // namespace gsx::kernels
#endif
