// Padding, upsampling, concatenation and layout changes: row copies and short fixed-order sums.
#include "kernels/resample.h"

#include "kernels/cpu/parallel.h"
#include "kernels/resample_geometry.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/resample.cpp"
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
void each_row(Exec& e, const View& v, F&& f) {
  const int64_t grain = pixel_grain(static_cast<int64_t>(v.w) * v.cs);
  e.pool->for_ranges(static_cast<int64_t>(v.n) * v.h, grain, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      f(static_cast<int>(row / v.h), static_cast<int>(row % v.h));
  });
}

void pad(Exec& e, const PadShape& s, const float* x, float* y) {
  const View &v = s.x, &out = s.y;
  each_row(e, out, [&](int n, int i) {
    float* row = y + out.offset(n, i, 0);
    const int h = pad_source(i, s.top, v.h, s.mode);
    if (h < 0) {
      std::fill_n(row, static_cast<int64_t>(out.w) * out.cs, 0.0f);
      return;
    }
    for (int j = 0; j < out.w; ++j) {
      const int w = pad_source(j, s.left, v.w, s.mode);
      if (w < 0) std::fill_n(row + static_cast<int64_t>(j) * out.cs, out.cs, 0.0f);
      else std::copy_n(x + v.offset(n, h, w), v.cs, row + static_cast<int64_t>(j) * out.cs);
    }
  });
}

template <int N>
void add_to(const float* from, float* sum) {
  for (int k = 0; k < N; ++k) sum[k] += from[k];
}

void pad_backward(Exec& e, const PadShape& s, const float* gy, float* gx) {
  const View &v = s.x, &out = s.y;
  each_row(e, v, [&](int n, int h) {
    const PadReaders rows(h, s.top, v.h, out.h, s.mode);
    for (int w = 0; w < v.w; ++w) {
      const PadReaders cols(w, s.left, v.w, out.w, s.mode);
      float* g = gx + v.offset(n, h, w);
      for_blocks(v.cs, [&]<int N>(int c) {
        float sum[N] = {};
        rows.each([&](int row) {
          cols.each([&](int col) { add_to<N>(gy + out.offset(n, row, col) + c, sum); });
        });
        for (int k = 0; k < N; ++k) g[c + k] = sum[k];
      });
    }
  });
}

void upsample(Exec& e, const View& v, int factor, const float* x, float* y) {
  const View out = {v.n, v.h * factor, v.w * factor, v.c, v.cs};
  each_row(e, out, [&](int n, int i) {
    const float* from = x + v.offset(n, i / factor, 0);
    float* to = y + out.offset(n, i, 0);
    for (int j = 0; j < out.w; ++j)
      std::copy_n(from + static_cast<int64_t>(j / factor) * v.cs, v.cs,
                  to + static_cast<int64_t>(j) * v.cs);
  });
}

void upsample_backward(Exec& e, const View& v, int factor, const float* gy, float* gx) {
  const View out = View::of(v.n, v.h * factor, v.w * factor, v.c);
  each_row(e, v, [&](int n, int h) {
    for (int w = 0; w < v.w; ++w) {
      float* g = gx + v.offset(n, h, w);
      for_blocks(v.cs, [&]<int N>(int c) {
        float sum[N] = {};
        for (int a = 0; a < factor; ++a)
          for (int b = 0; b < factor; ++b)
            add_to<N>(gy + out.offset(n, h * factor + a, w * factor + b) + c, sum);
        for (int k = 0; k < N; ++k) g[c + k] = sum[k];
      });
    }
  });
}

void insert_channels(Exec& e, const View& xv, const float* x, const View& yv, int at, float* y) {
  e.pool->for_ranges(xv.pixels(), pixel_grain(xv.cs), [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) std::copy_n(x + p * xv.cs, xv.c, y + p * yv.cs + at);
  });
}

void extract_channels(Exec& e, const View& yv, const float* y, int at, const View& xv, float* x) {
  e.pool->for_ranges(xv.pixels(), pixel_grain(xv.cs), [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) {
      std::copy_n(y + p * yv.cs + at, xv.c, x + p * xv.cs);
      std::fill_n(x + p * xv.cs + xv.c, xv.cs - xv.c, 0.0f);
    }
  });
}

void to_dense(Exec& e, const View& v, const float* image, float* dense) {
  e.pool->run(static_cast<int64_t>(v.n) * v.c, [&](int64_t plane, int) {
    const float* from = image + plane / v.c * v.image() + plane % v.c;
    float* to = dense + plane * v.plane();
    for (int64_t p = 0; p < v.plane(); ++p) to[p] = from[p * v.cs];
  });
}

void from_dense(Exec& e, const View& v, const float* dense, float* image) {
  e.pool->for_ranges(v.pixels(), pixel_grain(v.cs), [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) {
      const int64_t n = p / v.plane(), at = p % v.plane();
      for (int c = 0; c < v.c; ++c) image[p * v.cs + c] = dense[(n * v.c + c) * v.plane() + at];
      for (int c = v.c; c < v.cs; ++c) image[p * v.cs + c] = 0;
    }
  });
}

const ResampleKernels& table() {
  static constexpr ResampleKernels kTable = {
      pad,      pad_backward, upsample, upsample_backward, insert_channels, extract_channels,
      to_dense, from_dense};
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
const ResampleKernels& best() { return GSX_DISPATCH(table)(); }
template <auto entry>
constexpr auto kBest = Dispatch<entry, best>::call;
}  // namespace

const ResampleKernels cpu_resample = {kBest<&ResampleKernels::pad>,
                                      kBest<&ResampleKernels::pad_backward>,
                                      kBest<&ResampleKernels::upsample>,
                                      kBest<&ResampleKernels::upsample_backward>,
                                      kBest<&ResampleKernels::insert_channels>,
                                      kBest<&ResampleKernels::extract_channels>,
                                      kBest<&ResampleKernels::to_dense>,
                                      kBest<&ResampleKernels::from_dense>};

}  // namespace gsx::kernels
#endif
