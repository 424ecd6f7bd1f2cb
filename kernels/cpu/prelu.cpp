// Per-channel slopes below zero, and the channel sums of their gradients.
#include "kernels/cpu/parallel.h"
#include "kernels/elementwise.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/prelu.cpp"
#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/simd.h"
// Highway comes after the choice of targets.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace gsx::kernels {
namespace HWY_NAMESPACE {
namespace {

// y = f(x, g, slope[c]) on every pixel's channels, 0 on padding lanes.
template <class F>
void map_channels(Exec& e, const View& v, const float* x, const float* g, const float* slope,
                  float* y, F&& f) {
  e.pool->for_ranges(v.pixels(), pixel_grain(v.cs), [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) {
      const int64_t at = p * v.cs;
      for (int c = 0; c < v.c; ++c) y[at + c] = f(x[at + c], g[at + c], slope[c]);
      for (int c = v.c; c < v.cs; ++c) y[at + c] = 0;
    }
  });
}

void forward(Exec& e, const View& v, const float* x, const float* slope, float* y) {
  map_channels(e, v, x, x, slope, y,
               [](float value, float, float s) { return value < 0 ? s * value : value; });
}

void backward_input(Exec& e, const View& v, const float* x, const float* slope, const float* gy,
                    float* gx) {
  map_channels(e, v, x, gy, slope, gx,
               [](float value, float g, float s) { return value > 0 ? g : s * g; });
}

constexpr int kPixels = 32;  // summed in float before double takes over

void backward_slope(Exec& e, const View& v, const float* x, const float* gy, bool accumulate,
                    float* gslope) {
  Workspace::Scope scope(*e.workspace);
  const int64_t grain = std::max<int64_t>(kPixels, pixel_grain(v.cs) / kPixels * kPixels);
  const int64_t tasks = (v.pixels() + grain - 1) / grain;
  double* sums = e.workspace->take<double>(tasks * v.cs);
  float* float_sums = e.workspace->take<float>(tasks * v.cs);
  e.pool->for_ranges(v.pixels(), grain, [&](int64_t begin, int64_t end) {
    double* s = sums + begin / grain * v.cs;
    float* f = float_sums + begin / grain * v.cs;
    std::fill_n(s, v.cs, 0.0);
    for (int64_t p0 = begin; p0 < end; p0 += kPixels) {
      std::fill_n(f, v.cs, 0.0f);
      for (int64_t p = p0; p < std::min<int64_t>(end, p0 + kPixels); ++p) {
        for (int c = 0; c < v.cs; ++c) {
          const float value = x[p * v.cs + c];
          f[c] = std::fma(value < 0 ? value : 0.0f, gy[p * v.cs + c], f[c]);
        }
      }
      for (int c = 0; c < v.cs; ++c) s[c] += f[c];
    }
  });
  for (int c = 0; c < v.c; ++c) {
    const auto sum = static_cast<float>(tree_sum(sums + c, tasks, v.cs));
    gslope[c] = (accumulate ? gslope[c] : 0.0f) + sum;
  }
}

const PreluKernels& table() {
  static constexpr PreluKernels kTable = {forward, backward_input, backward_slope};
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
const PreluKernels& best() { return GSX_DISPATCH(table)(); }
template <auto entry>
constexpr auto kBest = Dispatch<entry, best>::call;
}  // namespace

const PreluKernels cpu_prelu = {kBest<&PreluKernels::forward>, kBest<&PreluKernels::backward_input>,
                                kBest<&PreluKernels::backward_slope>};

}  // namespace gsx::kernels
#endif
