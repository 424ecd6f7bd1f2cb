// Losses and their gradients.
#include "kernels/losses.h"

#include "kernels/cpu/parallel.h"
#include "kernels/loss_values.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/losses.cpp"
#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/simd.h"
// Highway comes after the choice of targets.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace gsx::kernels {
namespace HWY_NAMESPACE {
namespace {

void pair(Exec& e, int64_t n, int64_t count, PairLoss kind, const float* a, const float* b,
          float* y) {
  with_loss(kind, [&]<PairLoss L>() {
    const double total = chunked_sum(e, n, [&](int64_t begin, int64_t end) {
      return lane_sum(begin, end, [=](int64_t i) { return scalar::loss_value<L>(a[i], b[i]); });
    });
    y[0] = static_cast<float>(total / static_cast<double>(count));
  });
}

template <class F>
void write_pair(Exec& e, int64_t n, float* ga, float* gb, F&& f) {
  e.pool->for_ranges(n, kElementGrain, [&, f](int64_t begin, int64_t end) {
    if (ga && gb) {
      for (int64_t i = begin; i < end; ++i) gb[i] = 0.0f - (ga[i] = f(i));
    } else if (ga) {
      for (int64_t i = begin; i < end; ++i) ga[i] = f(i);
    } else if (gb) {
      for (int64_t i = begin; i < end; ++i) gb[i] = 0.0f - f(i);
    }
  });
}

void pair_backward(Exec& e, int64_t n, int64_t count, PairLoss kind, const float* a, const float* b,
                   const float* gy, float* ga, float* gb) {
  const float g = static_cast<float>(gy[0] / static_cast<double>(count));
  with_loss(kind, [&]<PairLoss L>() {
    write_pair(e, n, ga, gb, [=](int64_t i) { return scalar::loss_gradient<L>(a[i], b[i], g); });
  });
}

void target(Exec& e, const Rows& r, TargetLoss kind, float t, const float* x, float* y) {
  with_loss(kind, [&]<TargetLoss L>() {
    // Elements counted without padding: element i is lane i % c of row i / c.
    const double total = chunked_sum(e, r.rows * r.c, [&](int64_t begin, int64_t end) {
      if (r.c == r.cs)
        return lane_sum(begin, end, [=](int64_t i) {
          return static_cast<double>(scalar::loss_value<L>(x[i], t));
        });
      return lane_sum(begin, end, [=, &r](int64_t i) {
        return static_cast<double>(scalar::loss_value<L>(x[i / r.c * r.cs + i % r.c], t));
      });
    });
    y[0] = static_cast<float>(total / static_cast<double>(r.rows * r.c));
  });
}

void target_backward(Exec& e, const Rows& r, TargetLoss kind, float t, const float* x,
                     const float* gy, float* gx) {
  const float g = static_cast<float>(gy[0] / static_cast<double>(r.rows * r.c));
  with_loss(kind, [&]<TargetLoss L>() {
    e.pool->for_ranges(r.rows, pixel_grain(r.cs), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin * r.cs; i < end * r.cs; ++i)
        gx[i] = g * scalar::loss_slope<L>(x[i], t);
      if (r.c == r.cs) return;
      for (int64_t row = begin; row < end; ++row)
        std::fill(gx + row * r.cs + r.c, gx + (row + 1) * r.cs, 0.0f);
    });
  });
}

const LossKernels& table() {
  static constexpr LossKernels kTable = {pair, pair_backward, target, target_backward};
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
const LossKernels& best() { return GSX_DISPATCH(table)(); }
template <auto entry>
constexpr auto kBest = Dispatch<entry, best>::call;
}  // namespace

const LossKernels cpu_losses = {kBest<&LossKernels::pair>, kBest<&LossKernels::pair_backward>,
                                kBest<&LossKernels::target>, kBest<&LossKernels::target_backward>};

}  // namespace gsx::kernels
#endif
