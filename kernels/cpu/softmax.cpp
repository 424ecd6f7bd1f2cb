// Softmax row by row.
#include "kernels/softmax.h"

#include "kernels/cpu/parallel.h"
#include "kernels/scalar.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/softmax.cpp"
#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/simd.h"
// Highway comes after the choice of targets.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace gsx::kernels {
namespace HWY_NAMESPACE {
namespace {

template <class F>
void each_row(Exec& e, const Rows& r, float* y, F&& f) {
  e.pool->for_ranges(r.rows, pixel_grain(r.cs), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      f(row * r.cs);
      std::fill_n(y + row * r.cs + r.c, r.cs - r.c, 0.0f);
    }
  });
}

void forward(Exec& e, const Rows& r, const float* x, float* y) {
  each_row(e, r, y, [&](int64_t at) {
    float largest = x[at];
    for (int64_t i = at; i < at + r.c; ++i) largest = scalar::at_least(x[i], largest);
    for (int64_t i = at; i < at + r.c; ++i) y[i] = scalar::exp(x[i] - largest);
    const double sum = lane_sum(at, at + r.c, [&](int64_t i) { return static_cast<double>(y[i]); });
    const auto inverse = static_cast<float>(1.0 / sum);
    for (int64_t i = at; i < at + r.c; ++i) y[i] *= inverse;
  });
}

void backward(Exec& e, const Rows& r, const float* y, const float* gy, float* gx) {
  each_row(e, r, gx, [&](int64_t at) {
    const auto sum = static_cast<float>(
        lane_sum(at, at + r.c, [&](int64_t i) { return static_cast<double>(y[i]) * gy[i]; }));
    for (int64_t i = at; i < at + r.c; ++i) gx[i] = y[i] * (gy[i] - sum);
  });
}

const SoftmaxKernels& table() {
  static constexpr SoftmaxKernels kTable = {forward, backward};
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
const SoftmaxKernels& best() { return GSX_DISPATCH(table)(); }
template <auto entry>
constexpr auto kBest = Dispatch<entry, best>::call;
}  // namespace

const SoftmaxKernels cpu_softmax = {kBest<&SoftmaxKernels::forward>,
                                    kBest<&SoftmaxKernels::backward>};

}  // namespace gsx::kernels
#endif
