// Sums in fixed chunks.
#include "kernels/reduce.h"

#include "kernels/cpu/parallel.h"

namespace gsx::kernels {
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

}  // namespace

const ReduceKernels cpu_reduce = {sum, dot, dot_backward};

}  // namespace gsx::kernels
