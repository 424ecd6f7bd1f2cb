// SGD with momentum and the (block) soft threshold.
#include "kernels/prox_l1.h"

#include "kernels/cpu/parallel.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/prox_l1.cpp"
#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/simd.h"
// Highway comes after the choice of targets.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace gsx::kernels {
namespace HWY_NAMESPACE {
namespace {

void sgd(Exec& e, int64_t n, float lr, float momentum, const float* g, float* w, float* v) {
  e.pool->for_ranges(n, kElementGrain, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      v[i] = momentum * v[i] + g[i];
      w[i] -= lr * v[i];
    }
  });
}

void shrink_one(int64_t n, float threshold, float* w) {
  for (int64_t i = 0; i < n; ++i) {
    const float rest = std::fabs(w[i]) - threshold;
    w[i] = rest <= 0 ? 0.0f : std::copysign(rest, w[i]);
  }
}

void shrink(Exec&, int k, int64_t n, float same, const float* worth, float* const* parts) {
  if (k == 1 && !worth) return shrink_one(n, same, parts[0]);
  for (int64_t i = 0; i < n; ++i) {
    const float threshold = worth ? same / worth[i] : same;
    if (k == 1) {
      shrink_one(1, threshold, parts[0] + i);
      continue;
    }
    double squares = 0;
    for (int j = 0; j < k; ++j) squares += static_cast<double>(parts[j][i]) * parts[j][i];
    const double length = std::sqrt(squares);
    const float factor = length <= threshold ? 0.0f : static_cast<float>(1.0 - threshold / length);
    for (int j = 0; j < k; ++j) parts[j][i] = factor == 0 ? 0.0f : parts[j][i] * factor;
  }
}

void sgd_many(Exec& e, int count, const SgdStep& s, const SgdTensor* tensors) {
  for (int i = 0; i < count; ++i) {
    const SgdTensor& t = tensors[i];
    sgd(e, t.n, s.lr, s.momentum, t.g, t.w, t.v);
    if (t.threshold > 0) shrink_one(t.n, t.threshold, t.w);
  }
}

const ProxL1Kernels& table() {
  static constexpr ProxL1Kernels kTable = {sgd, shrink, sgd_many};
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
const ProxL1Kernels& best() { return GSX_DISPATCH(table)(); }
template <auto entry>
constexpr auto kBest = Dispatch<entry, best>::call;
}  // namespace

const ProxL1Kernels cpu_prox_l1 = {kBest<&ProxL1Kernels::sgd>, kBest<&ProxL1Kernels::shrink>,
                                   kBest<&ProxL1Kernels::sgd_many>};

}  // namespace gsx::kernels
#endif
