// Per-channel scale and shift of NHWC images, and the channel sums of its backward.
#include "kernels/cpu/parallel.h"
#include "kernels/elementwise.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/channel_affine.cpp"
#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/simd.h"
// Highway comes after the choice of targets.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace gsx::kernels {
namespace HWY_NAMESPACE {
namespace {

void forward(Exec& e, const View& v, const float* x, const float* scale, const float* shift,
             float* y) {
  Workspace::Scope scope(*e.workspace);
  float* a = e.workspace->take<float>(v.cs);
  float* b = e.workspace->take<float>(v.cs);
  for (int c = 0; c < v.cs; ++c) {
    a[c] = c < v.c ? (scale ? scale[c] : 1.0f) : 0.0f;
    b[c] = c < v.c && shift ? shift[c] : 0.0f;
  }
  e.pool->for_ranges(v.pixels(), pixel_grain(v.cs), [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p)
      for (int c = 0; c < v.cs; ++c) y[p * v.cs + c] = std::fma(a[c], x[p * v.cs + c], b[c]);
  });
}

void backward_input(Exec& e, const View& v, const float* gy, const float* scale, float* gx) {
  forward(e, v, gy, scale, nullptr, gx);
}

constexpr int kPixels = 32;  // summed in float before double takes over

void backward_parameters(Exec& e, const View& v, const float* x, const float* gy,
                         const float* offset, const float* factor,
                         const ChannelAffineKernels::ParameterGrads& g) {
  Workspace::Scope scope(*e.workspace);
  const int64_t grain = std::max<int64_t>(kPixels, pixel_grain(v.cs) / kPixels * kPixels);
  const int64_t tasks = (v.pixels() + grain - 1) / grain;
  double* sums = e.workspace->take<double>(tasks * 2 * v.cs);
  float* float_sums = e.workspace->take<float>(tasks * 2 * v.cs);
  float* shift = e.workspace->take<float>(v.cs);
  for (int c = 0; c < v.cs; ++c) shift[c] = offset && c < v.c ? offset[c] : 0.0f;
  e.pool->for_ranges(v.pixels(), grain, [&](int64_t begin, int64_t end) {
    double* s = sums + begin / grain * 2 * v.cs;
    float* f = float_sums + begin / grain * 2 * v.cs;
    std::fill_n(s, 2 * v.cs, 0.0);
    for (int64_t p0 = begin; p0 < end; p0 += kPixels) {
      std::fill_n(f, 2 * v.cs, 0.0f);
      for (int64_t p = p0; p < std::min<int64_t>(end, p0 + kPixels); ++p)
        for (int c = 0; c < v.cs; ++c) {
          const float gv = gy[p * v.cs + c];
          f[c] += gv;
          f[v.cs + c] = std::fma(gv, x[p * v.cs + c] - shift[c], f[v.cs + c]);
        }
      for (int c = 0; c < 2 * v.cs; ++c) s[c] += f[c];
    }
  });
  for (int c = 0; c < v.c; ++c) {
    const float gshift = static_cast<float>(tree_sum(sums + c, tasks, 2 * v.cs));
    const float gscale = static_cast<float>(tree_sum(sums + v.cs + c, tasks, 2 * v.cs) *
                                            (factor ? factor[c] : 1.0f));
    if (g.gshift) g.gshift[c] = (g.accumulate_shift ? g.gshift[c] : 0.0f) + gshift;
    if (g.gscale) g.gscale[c] = (g.accumulate_scale ? g.gscale[c] : 0.0f) + gscale;
  }
}

const ChannelAffineKernels& table() {
  static constexpr ChannelAffineKernels kTable = {forward, backward_input, backward_parameters};
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
const ChannelAffineKernels& best() { return GSX_DISPATCH(table)(); }
template <auto entry>
constexpr auto kBest = Dispatch<entry, best>::call;
}  // namespace

const ChannelAffineKernels cpu_channel_affine = {kBest<&ChannelAffineKernels::forward>,
                                                 kBest<&ChannelAffineKernels::backward_input>,
                                                 kBest<&ChannelAffineKernels::backward_parameters>};

}  // namespace gsx::kernels
#endif
