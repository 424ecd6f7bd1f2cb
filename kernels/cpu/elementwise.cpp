// Elementwise kernels on the CPU; see elementwise.h.
#include "kernels/elementwise.h"

namespace gsx::kernels {
namespace {
constexpr int64_t kGrain = 16384;

void accumulate(Exec& e, int64_t n, const float* x, float* y) {
  e.pool->for_ranges(n, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) y[i] += x[i];
  });
}
}  // namespace

const ElementwiseKernels cpu_elementwise = {accumulate};
}  // namespace gsx::kernels
