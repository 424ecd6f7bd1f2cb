// The fused Adam step.
#include "kernels/adam.h"

#include "kernels/cpu/parallel.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/adam.cpp"
#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/simd.h"
// Highway comes after the choice of targets.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace gsx::kernels {
namespace HWY_NAMESPACE {
namespace {

// By value and without aliases, or the compiler would reload the rates at every element.
void step_range(int64_t n, AdamStep s, const float* HWY_RESTRICT g, float* HWY_RESTRICT w,
                float* HWY_RESTRICT m, float* HWY_RESTRICT v) {
  const float rest1 = 1.0f - s.beta1, rest2 = 1.0f - s.beta2;
  for (int64_t i = 0; i < n; ++i) {
    const float d = g[i] + s.decay * w[i];
    m[i] = s.beta1 * m[i] + rest1 * d;
    v[i] = s.beta2 * v[i] + rest2 * (d * d);
    w[i] -= s.rate * (m[i] / (std::sqrt(v[i]) * s.root + s.eps));
  }
}

void step(Exec& e, int64_t n, const AdamStep& s, const float* g, float* w, float* m, float* v) {
  e.pool->for_ranges(n, kElementGrain, [=](int64_t begin, int64_t end) {
    step_range(end - begin, s, g + begin, w + begin, m + begin, v + begin);
  });
}

void step_many(Exec& e, int count, const AdamStep& s, const AdamTensor* tensors) {
  for (int i = 0; i < count; ++i) {
    const AdamTensor& t = tensors[i];
    step(e, t.n, s, t.g, t.w, t.m, t.v);
  }
}

const AdamKernels& table() {
  static constexpr AdamKernels kTable = {step, step_many};
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
const AdamKernels& best() { return HWY_DYNAMIC_DISPATCH(table)(); }
template <auto entry>
constexpr auto kBest = Dispatch<entry, best>::call;
}  // namespace

const AdamKernels cpu_adam = {kBest<&AdamKernels::step>, kBest<&AdamKernels::step_many>};

}  // namespace gsx::kernels
#endif
