// The fused Adam step, alone or with the largest weights that it leaves.
#include "kernels/adam.h"

#include "kernels/cpu/largest.h"
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

// Elements after whose step their largest are taken, while the nearest cache holds them.
constexpr int64_t kNearElements = 2048;

void step_rows(int64_t rows, int64_t ks, const AdamStep& s, const AdamTensor& t, float* largest) {
  std::fill_n(largest, ks, 0.0f);
  const int64_t near = pixel_grain(ks, kNearElements);
  for (int64_t row = 0; row < rows; row += near) {
    const int64_t at = row * ks, here = std::min(near, rows - row);
    step_range(here * ks, s, t.g + at, t.w + at, t.m + at, t.v + at);
    add_largest(here, ks, ks, t.w + at, largest);
  }
}

void step_largest(Exec& e, const AdamStep& s, const AdamTensor& t, int64_t ks, float* largest) {
  Workspace::Scope scope(*e.workspace);
  const int64_t rows = t.n / std::max<int64_t>(1, ks), grain = pixel_grain(ks);
  const int64_t tasks = (rows + grain - 1) / grain;
  float* parts = e.workspace->take<float>(tasks * ks);
  e.pool->for_ranges(rows, grain, [=](int64_t begin, int64_t end) {
    const int64_t at = begin * ks;
    const AdamTensor part{(end - begin) * ks, t.g + at, t.w + at, t.m + at, t.v + at};
    step_rows(end - begin, ks, s, part, parts + begin / grain * ks);
  });
  std::fill_n(largest, ks, 0.0f);
  add_largest(tasks, ks, ks, parts, largest);
}

const AdamKernels& table() {
  static constexpr AdamKernels kTable = {step, step_many, step_largest};
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
const AdamKernels& best() { return GSX_DISPATCH(table)(); }
template <auto entry>
constexpr auto kBest = Dispatch<entry, best>::call;
}  // namespace

const AdamKernels cpu_adam = {kBest<&AdamKernels::step>, kBest<&AdamKernels::step_many>,
                              kBest<&AdamKernels::step_largest>};

}  // namespace gsx::kernels
#endif
