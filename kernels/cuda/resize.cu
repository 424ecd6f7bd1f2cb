// Resizing, a thread for a group of channels of a pixel: of the result, or going back of what is
// gathered into.
#include "kernels/resize.h"

#include "kernels/cuda/pixel_groups.h"
#include "kernels/cuda/tables.h"
#include "kernels/resize_geometry.h"

namespace gsx::kernels::GSX_BACKEND {

namespace resizing {

__device__ __forceinline__ ResizeAxis rows_of(const ResizeShape& s) {
  return {s.x.h, s.y.h, s.scale_h};
}
__device__ __forceinline__ ResizeAxis columns_of(const ResizeShape& s) {
  return {s.x.w, s.y.w, s.scale_w};
}

// a + part (b - a).
template <int kWidth>
__device__ __forceinline__ Lanes<kWidth> mix(float part, const Lanes<kWidth>& a,
                                             const Lanes<kWidth>& b) {
  Lanes<kWidth> y;
#pragma unroll
  for (int i = 0; i < kWidth; ++i) y.value[i] = fmaf(part, b.value[i] - a.value[i], a.value[i]);
  return y;
}

// Writes 4 bytes per element of y; the one or four pixels it reads meet in the cache.
template <int kWidth>
__global__ void __launch_bounds__(kMapThreads)
    resize_kernel(const PixelGroups groups, const ResizeShape s, const float* x, float* y) {
  const int thread = group_thread();
  if (thread >= groups.count) return;
  const PixelGroups::Place at = groups.at(thread);
  const ResizeTaps row = resize_taps(at.y, rows_of(s), s.rule);
  const ResizeTaps column = resize_taps(at.x, columns_of(s), s.rule);
  const auto load = [&](int h, int w) {
    return Lanes<kWidth>::load(x + s.x.offset(at.n, h, w) + at.channel);
  };
  Lanes<kWidth> out = load(row.lo, column.lo);
  if (s.rule.mode == ResizeMode::linear) {
    out = mix(column.part, out, load(row.lo, column.hi));
    const Lanes<kWidth> below = mix(column.part, load(row.hi, column.lo), load(row.hi, column.hi));
    out = mix(row.part, out, below);
  }
  out.store(y + at.pixel * s.y.cs + at.channel);
}

// gx = the weighted sum of gy over the results that read x, row by row.
template <int kWidth>
__global__ void __launch_bounds__(kMapThreads)
    resize_backward_kernel(const PixelGroups groups, const ResizeShape s, const float* gy,
                           float* gx) {
  const int thread = group_thread();
  if (thread >= groups.count) return;
  const PixelGroups::Place at = groups.at(thread);
  const ResizeReaders above = ResizeReaders::of(at.y, rows_of(s), s.rule);
  const ResizeReaders beside = ResizeReaders::of(at.x, columns_of(s), s.rule);
  Lanes<kWidth> sum;
  for (int i = above.begin; i < above.end; ++i) {
    const float a = resize_taps(i, rows_of(s), s.rule).weight(at.y);
    if (a == 0) continue;
    for (int j = beside.begin; j < beside.end; ++j) {
      const float weight = a * resize_taps(j, columns_of(s), s.rule).weight(at.x);
      if (weight == 0) continue;
      const Lanes<kWidth> g = Lanes<kWidth>::load(gy + s.y.offset(at.n, i, j) + at.channel);
#pragma unroll
      for (int k = 0; k < kWidth; ++k) sum.value[k] = fmaf(weight, g.value[k], sum.value[k]);
    }
  }
  sum.store(gx + at.pixel * s.x.cs + at.channel);
}

}  // namespace resizing

namespace {

bool wide(const View& v, const float* a, const float* b) {
  return v.cs % 4 == 0 && aligned16(a) && aligned16(b);
}

void forward(Exec& e, const ResizeShape& s, const float* x, float* y) {
  launch_groups("resize", e, s.y, s.y.cs, wide(s.y, x, y), resizing::resize_kernel<4>,
                resizing::resize_kernel<1>, s, x, y);
}

void backward(Exec& e, const ResizeShape& s, const float* gy, float* gx) {
  launch_groups("resize_backward", e, s.x, s.x.cs, wide(s.x, gy, gx),
                resizing::resize_backward_kernel<4>, resizing::resize_backward_kernel<1>, s, gy,
                gx);
}

}  // namespace

const ResizeKernels resize = {forward, backward};

}  // namespace gsx::kernels::GSX_BACKEND
