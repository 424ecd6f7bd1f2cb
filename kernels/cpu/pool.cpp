// Max and average pooling: vectors along channels, one task per band of rows.
#include "kernels/pool.h"

#include "kernels/cpu/parallel.h"
#include "kernels/pool_geometry.h"
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
namespace hn = hwy::HWY_NAMESPACE;

// Calls f(image, row) for every row of v, in tasks of a few rows.
template <class F>
void each_row(Exec& e, const View& v, F&& f) {
  const int64_t grain = pixel_grain(static_cast<int64_t>(v.w) * v.cs);
  e.pool->for_ranges(static_cast<int64_t>(v.n) * v.h, grain, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      f(static_cast<int>(row / v.h), static_cast<int>(row % v.h));
  });
}

// Where the window of output (p, q) lies.
struct Window {
  Range r, s;
  int64_t first;    // offset of its place (0, 0), maybe outside the image
  int64_t row, cs;  // distances between rows and between pixels

  Window(const PoolShape& shape, int n, int p, int q) {
    const View& v = shape.x;
    const int h = p * shape.stride - shape.pad, w = q * shape.stride - shape.pad;
    r = window_inside(h, shape.size, v.h);
    s = window_inside(w, shape.size, v.w);
    cs = v.cs;
    row = int64_t{v.w} * v.cs;
    first = ((int64_t{n} * v.h + h) * v.w + w) * v.cs;
  }
};

// The largest of a window, vector by vector, and its place.
template <int N>
void max_block(const Window& at, int size, const float* x, float* y, uint8_t* which) {
  const hn::CappedTag<float, N> d;
  const hn::RebindToSigned<decltype(d)> di;
  const hn::Rebind<uint8_t, decltype(di)> du;
  const float* start = x + at.first + at.r.begin * at.row + at.s.begin * at.cs;
  for (int j = 0; j < N; j += hn::MaxLanes(d)) {
    auto best = hn::LoadU(d, start + j);
    auto place = hn::Set(di, at.r.begin * size + at.s.begin);
    for (int r = at.r.begin; r < at.r.end; ++r)
      for (int t = at.s.begin; t < at.s.end; ++t) {
        const auto in = hn::LoadU(d, x + at.first + r * at.row + t * at.cs + j);
        // A NaN wins and stays visible.
        const auto take = hn::Or(hn::Gt(in, best), hn::IsNaN(in));
        best = hn::IfThenElse(take, in, best);
        place = hn::IfThenElse(hn::RebindMask(di, take), hn::Set(di, r * size + t), place);
      }
    hn::StoreU(best, d, y + j);
    hn::StoreU(hn::DemoteTo(du, place), du, which + j);
  }
}

void max_forward(Exec& e, const PoolShape& s, const float* x, float* y, uint8_t* which) {
  const View out = s.y();
  each_row(e, out, [&](int n, int p) {
    for (int q = 0; q < out.w; ++q) {
      const Window at(s, n, p, q);
      const int64_t to = out.offset(n, p, q);
      for_blocks(out.cs, [&]<int N>(int c) {
        max_block<N>(at, s.size, x + c, y + to + c, which + to + c);
      });
    }
  });
}

template <int N>
void avg_block(const Window& at, float weight, const float* x, float* y) {
  float sum[N] = {};
  for (int r = at.r.begin; r < at.r.end; ++r)
    for (int t = at.s.begin; t < at.s.end; ++t) {
      const float* in = x + at.first + r * at.row + t * at.cs;
      for (int j = 0; j < N; ++j) sum[j] += in[j];
    }
  for (int j = 0; j < N; ++j) y[j] = sum[j] * weight;
}

void avg_forward(Exec& e, const PoolShape& s, const float* x, float* y) {
  const View out = s.y();
  each_row(e, out, [&](int n, int p) {
    for (int q = 0; q < out.w; ++q) {
      const Window at(s, n, p, q);
      const float weight = average_weight(s, p, q);
      float* to = y + out.offset(n, p, q);
      for_blocks(out.cs, [&]<int N>(int c) { avg_block<N>(at, weight, x + c, to + c); });
    }
  });
}

// gx[n, h, w] = sum over the windows (p, q) that cover it of f(p, q, place in the window, channel).
template <class F>
void gather_windows(Exec& e, const PoolShape& s, float* gx, F&& f) {
  const View& v = s.x;
  const View out = s.y();
  each_row(e, v, [&](int n, int h) {
    const Range pp = windows_over(h, s.size, s.stride, s.pad, out.h);
    for (int w = 0; w < v.w; ++w) {
      const Range qq = windows_over(w, s.size, s.stride, s.pad, out.w);
      for_blocks(v.cs, [&]<int N>(int c) {
        float sum[N] = {};
        for (int p = pp.begin; p < pp.end; ++p)
          for (int q = qq.begin; q < qq.end; ++q) {
            const int place = (h + s.pad - p * s.stride) * s.size + (w + s.pad - q * s.stride);
            f.template operator()<N>(out.offset(n, p, q) + c, place, p, q, sum);
          }
        float* to = gx + v.offset(n, h, w) + c;
        for (int j = 0; j < N; ++j) to[j] = sum[j];
      });
    }
  });
}

void max_backward(Exec& e, const PoolShape& s, const uint8_t* which, const float* gy, float* gx) {
  gather_windows(e, s, gx, [=]<int N>(int64_t from, int place, int, int, float* sum) {
    const hn::CappedTag<float, N> d;
    const hn::RebindToSigned<decltype(d)> di;
    const hn::Rebind<uint8_t, decltype(di)> du;
    for (int j = 0; j < N; j += hn::MaxLanes(d)) {
      const auto winner = hn::PromoteTo(di, hn::LoadU(du, which + from + j));
      const auto mine = hn::RebindMask(d, hn::Eq(winner, hn::Set(di, place)));
      const auto g = hn::IfThenElseZero(mine, hn::LoadU(d, gy + from + j));
      hn::StoreU(hn::Add(hn::LoadU(d, sum + j), g), d, sum + j);
    }
  });
}

void avg_backward(Exec& e, const PoolShape& s, const float* gy, float* gx) {
  gather_windows(e, s, gx, [=, &s]<int N>(int64_t from, int, int p, int q, float* sum) {
    const float weight = average_weight(s, p, q);
    for (int j = 0; j < N; ++j) sum[j] = std::fma(weight, gy[from + j], sum[j]);
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
const PoolKernels& best() { return GSX_DISPATCH(table)(); }
template <auto entry>
constexpr auto kBest = Dispatch<entry, best>::call;
}  // namespace

const PoolKernels cpu_pool = {
    kBest<&PoolKernels::max_forward>,    kBest<&PoolKernels::max_backward>,
    kBest<&PoolKernels::avg_forward>,    kBest<&PoolKernels::avg_backward>,
    kBest<&PoolKernels::global_forward>, kBest<&PoolKernels::global_backward>};

}  // namespace gsx::kernels
#endif
