// Fully connected layers. Rows are dot products of 16 fixed partial sums; the others are row
// updates.
#include "kernels/linear.h"

#include "kernels/cpu/parallel.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/linear.cpp"
#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/simd.h"
// Highway comes after the choice of targets.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace gsx::kernels {
namespace HWY_NAMESPACE {
namespace {

constexpr int kLanes = 16;

float dot(const float* a, const float* b, int n) {
  double total = 0;
  constexpr int kBlock = 64 * kLanes;  // summed in float before double takes over
  for (int at = 0; at < n; at += kBlock) {
    const int end = std::min(n, at + kBlock);
    float lanes[kLanes] = {};
    int i = at;
    for (; i + kLanes <= end; i += kLanes)
      for (int j = 0; j < kLanes; ++j) lanes[j] = std::fma(a[i + j], b[i + j], lanes[j]);
    for (; i < end; ++i) lanes[i - at - (end - at) / kLanes * kLanes] += a[i] * b[i];
    for (int step = kLanes / 2; step > 0; step /= 2)
      for (int j = 0; j < step; ++j) lanes[j] += lanes[j + step];
    total += lanes[0];
  }
  return static_cast<float>(total);
}

void forward(Exec& e, const LinearShape& s, const float* x, const float* w, const float* bias,
             float* y) {
  e.pool->for_ranges(int64_t{s.n} * s.o, pixel_grain(s.f), [&](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; ++at) {
      const int64_t n = at / s.o, o = at % s.o;
      y[at] = dot(x + n * s.f, w + o * s.f, s.f) + (bias ? bias[o] : 0.0f);
    }
  });
}

// y[i] (+)= sum_j a[j * stride] * rows[j, i] for i in [0, f), j in [0, n).
void combine_rows(int n, int f, const float* a, int64_t stride, const float* rows, bool accumulate,
                  float* y) {
  if (!accumulate) std::fill_n(y, f, 0.0f);
  for (int j = 0; j < n; ++j) {
    const float v = a[j * stride];
    const float* row = rows + static_cast<int64_t>(j) * f;
    for (int i = 0; i < f; ++i) y[i] = std::fma(v, row[i], y[i]);
  }
}

void backward_input(Exec& e, const LinearShape& s, const float* gy, const float* w, float* gx) {
  e.pool->run(s.n, [&](int64_t n, int) {
    combine_rows(s.o, s.f, gy + n * s.o, 1, w, false, gx + n * s.f);
  });
}

void backward_weight(Exec& e, const LinearShape& s, const float* x, const float* gy,
                     bool accumulate, float* gw) {
  e.pool->for_ranges(s.o, pixel_grain(int64_t{s.f} * s.n), [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; ++o)
      combine_rows(s.n, s.f, gy + o, s.o, x, accumulate, gw + o * s.f);
  });
}

void backward_bias(Exec&, const LinearShape& s, const float* gy, bool accumulate, float* gbias) {
  for (int o = 0; o < s.o; ++o) {
    double sum = 0;
    for (int n = 0; n < s.n; ++n) sum += gy[static_cast<int64_t>(n) * s.o + o];
    gbias[o] = (accumulate ? gbias[o] : 0.0f) + static_cast<float>(sum);
  }
}

const LinearKernels& table() {
  static constexpr LinearKernels kTable = {forward, backward_input, backward_weight, backward_bias};
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
const LinearKernels& best() { return GSX_DISPATCH(table)(); }
template <auto entry>
constexpr auto kBest = Dispatch<entry, best>::call;
}  // namespace

const LinearKernels cpu_linear = {
    kBest<&LinearKernels::forward>, kBest<&LinearKernels::backward_input>,
    kBest<&LinearKernels::backward_weight>, kBest<&LinearKernels::backward_bias>};

}  // namespace gsx::kernels
#endif
