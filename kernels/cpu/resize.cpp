// Resizing: what every row and column reads is found once, then pixels are mixed channel by
// channel. Gradients gather, in a fixed order.
#include "kernels/resize.h"

#include "kernels/cpu/parallel.h"
#include "kernels/resize_geometry.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/resize.cpp"
#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/simd.h"
// Highway comes after the choice of targets.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace gsx::kernels {
namespace HWY_NAMESPACE {
namespace {

const ResizeTaps* taps_of(Exec& e, const ResizeAxis& axis, const ResizeRule& rule) {
  ResizeTaps* taps = e.workspace->take<ResizeTaps>(axis.out);
  for (int i = 0; i < axis.out; ++i) taps[i] = resize_taps(i, axis, rule);
  return taps;
}

template <class F>
void each_row(Exec& e, const View& v, F&& f) {
  const int64_t grain = pixel_grain(static_cast<int64_t>(v.w) * v.cs);
  e.pool->for_ranges(static_cast<int64_t>(v.n) * v.h, grain, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      f(static_cast<int>(row / v.h), static_cast<int>(row % v.h));
  });
}

void forward(Exec& e, const ResizeShape& s, const float* x, float* y) {
  Workspace::Scope scope(*e.workspace);
  const ResizeTaps* rows = taps_of(e, {s.x.h, s.y.h, s.scale_h}, s.rule);
  const ResizeTaps* columns = taps_of(e, {s.x.w, s.y.w, s.scale_w}, s.rule);
  const bool copies = s.rule.mode == ResizeMode::nearest;
  each_row(e, s.y, [&](int n, int i) {
    const ResizeTaps& row = rows[i];
    const float* top = x + s.x.offset(n, row.lo, 0);
    const float* bottom = x + s.x.offset(n, row.hi, 0);
    float* to = y + s.y.offset(n, i, 0);
    for (int j = 0; j < s.y.w; ++j, to += s.y.cs) {
      const ResizeTaps& column = columns[j];
      const int64_t left = static_cast<int64_t>(column.lo) * s.x.cs;
      const int64_t right = static_cast<int64_t>(column.hi) * s.x.cs;
      if (copies) {
        std::copy_n(top + left, s.x.cs, to);
        continue;
      }
      for (int c = 0; c < s.x.cs; ++c) {
        const float a = std::fma(column.part, top[right + c] - top[left + c], top[left + c]);
        const float b =
            std::fma(column.part, bottom[right + c] - bottom[left + c], bottom[left + c]);
        to[c] = std::fma(row.part, b - a, a);
      }
    }
  });
}

void backward(Exec& e, const ResizeShape& s, const float* gy, float* gx) {
  Workspace::Scope scope(*e.workspace);
  const ResizeAxis high = {s.x.h, s.y.h, s.scale_h}, wide = {s.x.w, s.y.w, s.scale_w};
  const ResizeTaps *rows = taps_of(e, high, s.rule), *columns = taps_of(e, wide, s.rule);
  each_row(e, s.x, [&](int n, int h) {
    const auto above = ResizeReaders::of(h, high, s.rule);
    for (int w = 0; w < s.x.w; ++w) {
      const auto beside = ResizeReaders::of(w, wide, s.rule);
      float* to = gx + s.x.offset(n, h, w);
      std::fill_n(to, s.x.cs, 0.0f);
      for (int i = above.begin; i < above.end; ++i) {
        const float a = rows[i].weight(h);
        if (a == 0) continue;
        for (int j = beside.begin; j < beside.end; ++j) {
          const float weight = a * columns[j].weight(w);
          if (weight == 0) continue;
          const float* from = gy + s.y.offset(n, i, j);
          for (int c = 0; c < s.x.cs; ++c) to[c] = std::fma(weight, from[c], to[c]);
        }
      }
    }
  });
}

const ResizeKernels& table() {
  static constexpr ResizeKernels kTable = {forward, backward};
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
const ResizeKernels& best() { return GSX_DISPATCH(table)(); }
template <auto entry>
constexpr auto kBest = Dispatch<entry, best>::call;
}  // namespace

const ResizeKernels cpu_resize = {kBest<&ResizeKernels::forward>, kBest<&ResizeKernels::backward>};

}  // namespace gsx::kernels
#endif
