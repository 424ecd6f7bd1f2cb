// Broadcasting arithmetic row by row, and sums over axes by fixed chunks of rows.
#include "kernels/arithmetic.h"

#include "kernels/cpu/parallel.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/arithmetic.cpp"
#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/simd.h"
// Highway comes after the choice of targets.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace gsx::kernels {
namespace HWY_NAMESPACE {
namespace {

// The first element of the pixel that pixel (n, h, w) of the result reads: extents of 1 repeat.
int64_t read_at(const View& v, int n, int h, int w) {
  return v.offset(v.n == 1 ? 0 : n, v.h == 1 ? 0 : h, v.w == 1 ? 0 : w);
}

// One pixel's channels; an operand of one channel counts for all.
template <Arithmetic A>
void combine_pixel(const ArithmeticShape& s, const float* a, const float* b, float* y) {
  const int c = s.y.c;
  if (s.a.c == c && s.b.c == c) {
    for (int i = 0; i < c; ++i) y[i] = scalar::combine<A>(a[i], b[i]);
  } else if (s.a.c == c) {
    for (int i = 0; i < c; ++i) y[i] = scalar::combine<A>(a[i], b[0]);
  } else if (s.b.c == c) {
    for (int i = 0; i < c; ++i) y[i] = scalar::combine<A>(a[0], b[i]);
  } else {
    for (int i = 0; i < c; ++i) y[i] = scalar::combine<A>(a[0], b[0]);
  }
  for (int i = c; i < s.y.cs; ++i) y[i] = 0;
}

void combine(Exec& e, Arithmetic op, const ArithmeticShape& s, const float* a, const float* b,
             float* y) {
  const View& v = s.y;
  with_arithmetic(op, [&]<Arithmetic A>() {
    e.pool->for_ranges(v.pixels(), pixel_grain(v.cs), [&](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p) {
        const int w = static_cast<int>(p % v.w), h = static_cast<int>(p / v.w % v.h);
        const int n = static_cast<int>(p / v.plane());
        combine_pixel<A>(s, a + read_at(s.a, n, h, w), b + read_at(s.b, n, h, w), y + p * v.cs);
      }
    });
  });
}

// Which rows of x (an image's line each) belong to a row of y, and how they are cut into chunks.
struct RowSums {
  View x, y;
  int64_t rows, chunk, chunks;  // of x for each row of y; of them in a task; tasks for each row

  RowSums(const View& from, const View& to) : x(from), y(to) {
    rows = (to.n == 1 ? from.n : 1) * int64_t{to.h == 1 ? from.h : 1};
    chunk = pixel_grain(static_cast<int64_t>(from.w) * from.cs);
    chunks = std::max<int64_t>(1, (rows + chunk - 1) / chunk);
  }
  int64_t width() const { return static_cast<int64_t>(y.w) * y.c; }  // sums of a row of y
  int64_t tasks() const { return static_cast<int64_t>(y.n) * y.h * chunks; }
  // The element where row k of those that belong to row `to` of y starts.
  int64_t start(int64_t to, int64_t k) const {
    const int64_t inner = y.h == 1 ? x.h : 1;  // lines of one image among the rows
    const int64_t n = y.n == 1 ? k / inner : to / y.h;
    const int64_t h = y.h == 1 ? k % inner : to % y.h;
    return x.offset(static_cast<int>(n), static_cast<int>(h), 0);
  }
};

// sums[w, c] += one line of x.
void add_line(const RowSums& s, const float* x, double* sums) {
  for (int w = 0; w < s.x.w; ++w) {
    const float* pixel = x + static_cast<int64_t>(w) * s.x.cs;
    double* to = sums + (s.y.w == 1 ? 0 : static_cast<int64_t>(w) * s.y.c);
    if (s.y.c == s.x.c) {
      for (int c = 0; c < s.x.c; ++c) to[c] += pixel[c];
    } else {
      to[0] += lane_sum(0, s.x.c, [&](int64_t c) { return static_cast<double>(pixel[c]); });
    }
  }
}

void sum_to(Exec& e, const View& from, const View& to, double factor, const float* x, float* y) {
  Workspace::Scope scope(*e.workspace);
  const RowSums s(from, to);
  double* sums = e.workspace->take<double>(std::max<int64_t>(1, s.tasks() * s.width()));
  e.pool->run(s.tasks(), [&](int64_t task, int) {
    double* own = sums + task * s.width();
    std::fill_n(own, s.width(), 0.0);
    const int64_t first = task % s.chunks * s.chunk;
    for (int64_t k = first; k < std::min(s.rows, first + s.chunk); ++k)
      add_line(s, x + s.start(task / s.chunks, k), own);
  });
  const int64_t lines = static_cast<int64_t>(to.n) * to.h;
  e.pool->for_ranges(lines, pixel_grain(s.width() * s.chunks), [&](int64_t begin, int64_t end) {
    for (int64_t line = begin; line < end; ++line) {
      for (int64_t i = 0; i < s.width(); ++i) {
        double* first = sums + line * s.chunks * s.width() + i;
        const int64_t at = (line * to.w + i / to.c) * to.cs + i % to.c;
        y[at] = static_cast<float>(factor * tree_sum(first, s.chunks, s.width()));
      }
      for (int w = 0; w < to.w; ++w)
        std::fill_n(y + (line * to.w + w) * to.cs + to.c, to.cs - to.c, 0.0f);
    }
  });
}

const ArithmeticKernels& table() {
  static constexpr ArithmeticKernels kTable = {combine, sum_to};
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
const ArithmeticKernels& best() { return GSX_DISPATCH(table)(); }
template <auto entry>
constexpr auto kBest = Dispatch<entry, best>::call;
}  // namespace

const ArithmeticKernels cpu_arithmetic = {kBest<&ArithmeticKernels::combine>,
                                          kBest<&ArithmeticKernels::sum_to>};

}  // namespace gsx::kernels
#endif
