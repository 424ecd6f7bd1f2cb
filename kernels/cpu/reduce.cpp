// Sums in fixed chunks.
#include "kernels/reduce.h"

#include "kernels/cpu/parallel.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/reduce.cpp"
#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/simd.h"
// Highway comes after the choice of targets.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace gsx::kernels {
namespace HWY_NAMESPACE {
namespace {

void sum(Exec& e, int64_t n, double factor, const float* x, float* y) {
  const double total = chunked_sum(e, n, [&](int64_t begin, int64_t end) {
    return lane_sum(begin, end, [=](int64_t i) { return static_cast<double>(x[i]); });
  });
  y[0] = static_cast<float>(factor * total);
}

void dot(Exec& e, int64_t n, const float* a, const float* b, float* y) {
  const double total = chunked_sum(e, n, [&](int64_t begin, int64_t end) {
    return lane_sum(begin, end, [=](int64_t i) { return static_cast<double>(a[i]) * b[i]; });
  });
  y[0] = static_cast<float>(total);
}

void dot_backward(Exec& e, int64_t n, const float* g, const float* b, float* ga) {
  e.pool->for_ranges(n, kElementGrain, [&, s = g[0]](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) ga[i] = s * b[i];
  });
}

const ReduceKernels& table() {
  static constexpr ReduceKernels kTable = {sum, dot, dot_backward};
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
const ReduceKernels& best() { return GSX_DISPATCH(table)(); }
template <auto entry>
constexpr auto kBest = Dispatch<entry, best>::call;
}  // namespace

const ReduceKernels cpu_reduce = {kBest<&ReduceKernels::sum>, kBest<&ReduceKernels::dot>,
                                  kBest<&ReduceKernels::dot_backward>};

}  // namespace gsx::kernels
#endif
