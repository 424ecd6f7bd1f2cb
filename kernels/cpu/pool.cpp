// Max and average pooling; loops over contiguous channels, one task per band of rows.
#include "kernels/pool.h"

#include "kernels/cpu/parallel.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/pool.cpp"
#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/simd.h"
// Highway comes after the choice of targets.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace gsx::kernels {
namespace HWY_NAMESPACE {
namespace {

// Calls f(image, row) for every row of v, in tasks of a few rows.
template <class F>
void each_row(Exec& e, const View& v, F&& f) {
  const int64_t grain = pixel_grain(static_cast<int64_t>(v.w) * v.cs);
  e.pool->for_ranges(static_cast<int64_t>(v.n) * v.h, grain, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      f(static_cast<int>(row / v.h), static_cast<int>(row % v.h));
  });
}

struct Range {
  int begin, end;
};

// The window's places that lie inside the image: offsets r with 0 <= start + r < extent.
Range inside(int start, int size, int extent) {
  return {std::max(0, -start), std::min(size, extent - start)};
}

// The outputs whose windows cover input position i.
Range windows_over(int i, int size, int stride, int pad, int outputs) {
  const int first = i + pad - size + 1;
  return {first > 0 ? (first + stride - 1) / stride : 0, std::min(outputs, (i + pad) / stride + 1)};
}

void max_forward(Exec& e, const PoolShape& s, const float* x, float* y, uint8_t* which) {
  const View& v = s.x;
  const View out = s.y();
  each_row(e, out, [&](int n, int p) {
    const Range rr = inside(p * s.stride - s.pad, s.size, v.h);
    for (int q = 0; q < out.w; ++q) {
      const Range ss = inside(q * s.stride - s.pad, s.size, v.w);
      float* best = y + out.offset(n, p, q);
      uint8_t* place = which + out.offset(n, p, q);
      for (int r = rr.begin; r < rr.end; ++r)
        for (int t = ss.begin; t < ss.end; ++t) {
          const float* in = x + v.offset(n, p * s.stride - s.pad + r, q * s.stride - s.pad + t);
          const uint8_t code = static_cast<uint8_t>(r * s.size + t);
          if (r == rr.begin && t == ss.begin) {
            std::copy_n(in, v.cs, best);
            std::fill_n(place, v.cs, code);
            continue;
          }
          for (int c = 0; c < v.cs; ++c) {
            const bool take = in[c] > best[c] || in[c] != in[c];  // a NaN wins and stays visible
            best[c] = take ? in[c] : best[c];
            place[c] = take ? code : place[c];
          }
        }
    }
  });
}

void max_backward(Exec& e, const PoolShape& s, const uint8_t* which, const float* gy, float* gx) {
  const View& v = s.x;
  const View out = s.y();
  each_row(e, v, [&](int n, int h) {
    const Range pp = windows_over(h, s.size, s.stride, s.pad, out.h);
    for (int w = 0; w < v.w; ++w) {
      const Range qq = windows_over(w, s.size, s.stride, s.pad, out.w);
      float* g = gx + v.offset(n, h, w);
      std::fill_n(g, v.cs, 0.0f);
      for (int p = pp.begin; p < pp.end; ++p)
        for (int q = qq.begin; q < qq.end; ++q) {
          const int code = (h + s.pad - p * s.stride) * s.size + (w + s.pad - q * s.stride);
          const float* from = gy + out.offset(n, p, q);
          const uint8_t* place = which + out.offset(n, p, q);
          for (int c = 0; c < v.cs; ++c) g[c] += place[c] == code ? from[c] : 0.0f;
        }
    }
  });
}

// 1 / the number of elements output (p, q) is the mean of.
float avg_weight(const PoolShape& s, int p, int q) {
  const auto count = [&](int i, int extent) {
    const int start = i * s.stride - s.pad;
    if (!s.count_include_pad) {
      const Range r = inside(start, s.size, extent);
      return r.end - r.begin;
    }
    return std::min(start + s.size, extent + s.pad) - start;
  };
  return 1.0f / static_cast<float>(count(p, s.x.h) * count(q, s.x.w));
}

void avg_forward(Exec& e, const PoolShape& s, const float* x, float* y) {
  const View& v = s.x;
  const View out = s.y();
  each_row(e, out, [&](int n, int p) {
    const Range rr = inside(p * s.stride - s.pad, s.size, v.h);
    for (int q = 0; q < out.w; ++q) {
      const Range ss = inside(q * s.stride - s.pad, s.size, v.w);
      float* sum = y + out.offset(n, p, q);
      std::fill_n(sum, v.cs, 0.0f);
      for (int r = rr.begin; r < rr.end; ++r)
        for (int t = ss.begin; t < ss.end; ++t) {
          const float* in = x + v.offset(n, p * s.stride - s.pad + r, q * s.stride - s.pad + t);
          for (int c = 0; c < v.cs; ++c) sum[c] += in[c];
        }
      const float weight = avg_weight(s, p, q);
      for (int c = 0; c < v.cs; ++c) sum[c] *= weight;
    }
  });
}

void avg_backward(Exec& e, const PoolShape& s, const float* gy, float* gx) {
  const View& v = s.x;
  const View out = s.y();
  each_row(e, v, [&](int n, int h) {
    const Range pp = windows_over(h, s.size, s.stride, s.pad, out.h);
    for (int w = 0; w < v.w; ++w) {
      const Range qq = windows_over(w, s.size, s.stride, s.pad, out.w);
      float* g = gx + v.offset(n, h, w);
      std::fill_n(g, v.cs, 0.0f);
      for (int p = pp.begin; p < pp.end; ++p)
        for (int q = qq.begin; q < qq.end; ++q) {
          const float weight = avg_weight(s, p, q);
          const float* from = gy + out.offset(n, p, q);
          for (int c = 0; c < v.cs; ++c) g[c] = std::fma(weight, from[c], g[c]);
        }
    }
  });
}

constexpr int64_t kPixels = 32;  // summed in float before double takes over

void global_forward(Exec& e, const View& v, const float* x, float* y) {
  Workspace::Scope scope(*e.workspace);
  double* sums = e.workspace->take<double>(static_cast<int64_t>(v.n) * v.cs);
  float* chunk = e.workspace->take<float>(static_cast<int64_t>(v.n) * v.cs);
  e.pool->run(v.n, [&](int64_t n, int) {
    double* s = sums + n * v.cs;
    float* f = chunk + n * v.cs;
    std::fill_n(s, v.cs, 0.0);
    for (int64_t p0 = 0; p0 < v.plane(); p0 += kPixels) {
      std::fill_n(f, v.cs, 0.0f);
      for (int64_t p = p0; p < std::min(v.plane(), p0 + kPixels); ++p)
        for (int c = 0; c < v.cs; ++c) f[c] += x[n * v.image() + p * v.cs + c];
      for (int c = 0; c < v.cs; ++c) s[c] += f[c];
    }
    for (int c = 0; c < v.cs; ++c)
      y[n * v.cs + c] = static_cast<float>(s[c] / static_cast<double>(v.plane()));
  });
}

void global_backward(Exec& e, const View& v, const float* gy, float* gx) {
  const float weight = static_cast<float>(1.0 / static_cast<double>(v.plane()));
  e.pool->for_ranges(v.pixels(), pixel_grain(v.cs), [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) {
      const float* g = gy + p / v.plane() * v.cs;
      for (int c = 0; c < v.cs; ++c) gx[p * v.cs + c] = weight * g[c];
    }
  });
}

const PoolKernels& table() {
  static constexpr PoolKernels kTable = {max_forward,  max_backward,   avg_forward,
                                         avg_backward, global_forward, global_backward};
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
const PoolKernels& best() { return HWY_DYNAMIC_DISPATCH(table)(); }
template <auto entry>
constexpr auto kBest = Dispatch<entry, best>::call;
}  // namespace

const PoolKernels cpu_pool = {
    kBest<&PoolKernels::max_forward>,    kBest<&PoolKernels::max_backward>,
    kBest<&PoolKernels::avg_forward>,    kBest<&PoolKernels::avg_backward>,
    kBest<&PoolKernels::global_forward>, kBest<&PoolKernels::global_backward>};

}  // namespace gsx::kernels
#endif
