// Gram matrices: chunks of pixels make partial matrices, added in a fixed order.
#include "kernels/gram.h"

#include "kernels/cpu/parallel.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/gram.cpp"
#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/simd.h"
// Highway comes after the choice of targets.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace gsx::kernels {
namespace HWY_NAMESPACE {
namespace {

constexpr int64_t kPixels = 1024;  // per partial matrix
constexpr int kRows = 4;

// out[c, d] = sum over pixels of x[p, c] * x[p, d] for c in [c0, c0 + kRows), all d; out rows cs
// apart.
void partial_rows(const float* x, int64_t pixels, int c0, int rows, int cs, float* out) {
  std::fill_n(out, static_cast<int64_t>(rows) * cs, 0.0f);
  for (int64_t p = 0; p < pixels; ++p) {
    const float* row = x + p * cs;
    for (int r = 0; r < rows; ++r) {
      const float v = row[c0 + r];
      float* o = out + static_cast<int64_t>(r) * cs;
      for (int d = 0; d < cs; ++d) o[d] = std::fma(v, row[d], o[d]);
    }
  }
}

void forward(Exec& e, const View& v, const float* x, float* y) {
  Workspace::Scope scope(*e.workspace);
  const int64_t chunks = (v.plane() + kPixels - 1) / kPixels;
  const int64_t bands = (v.c + kRows - 1) / kRows;
  const double scale = 1.0 / (static_cast<double>(v.c) * static_cast<double>(v.plane()));
  float* partial = e.workspace->take<float>(chunks * bands * kRows * v.cs);
  for (int n = 0; n < v.n; ++n) {
    const float* image = x + n * v.image();
    e.pool->run(chunks * bands, [&](int64_t task, int) {
      const int64_t chunk = task / bands, band = task % bands;
      const int c0 = static_cast<int>(band) * kRows;
      partial_rows(image + chunk * kPixels * v.cs, std::min(kPixels, v.plane() - chunk * kPixels),
                   c0, std::min(kRows, v.c - c0), v.cs, partial + task * kRows * v.cs);
    });
    e.pool->run(v.c, [&](int64_t c, int) {
      const float* first = partial + (c / kRows * kRows + c % kRows) * v.cs;
      for (int d = 0; d < v.c; ++d) {
        double sum = 0;
        for (int64_t chunk = 0; chunk < chunks; ++chunk)
          sum += first[chunk * bands * kRows * v.cs + d];
        y[(static_cast<int64_t>(n) * v.c + c) * v.c + d] = static_cast<float>(sum * scale);
      }
    });
  }
}

void backward(Exec& e, const View& v, const float* x, const float* gy, float* gx) {
  Workspace::Scope scope(*e.workspace);
  float* both = e.workspace->take<float>(static_cast<int64_t>(v.c) *
                                         v.cs);  // (gy + gy^T) * scale, padded rows
  const float scale =
      static_cast<float>(1.0 / (static_cast<double>(v.c) * static_cast<double>(v.plane())));
  for (int n = 0; n < v.n; ++n) {
    const float* g = gy + static_cast<int64_t>(n) * v.c * v.c;
    for (int64_t c = 0; c < v.c; ++c)
      for (int64_t d = 0; d < v.cs; ++d)
        both[c * v.cs + d] = d < v.c ? scale * (g[c * v.c + d] + g[d * v.c + c]) : 0.0f;
    const float* image = x + n * v.image();
    float* out = gx + n * v.image();
    e.pool->for_ranges(v.plane(), pixel_grain(static_cast<int64_t>(v.c) * v.cs, 1 << 18),
                       [&](int64_t begin, int64_t end) {
                         for (int64_t p = begin; p < end; ++p) {
                           float* o = out + p * v.cs;
                           std::fill_n(o, v.cs, 0.0f);
                           for (int c = 0; c < v.c; ++c) {
                             const float xv = image[p * v.cs + c];
                             const float* b = both + static_cast<int64_t>(c) * v.cs;
                             for (int d = 0; d < v.cs; ++d) o[d] = std::fma(xv, b[d], o[d]);
                           }
                         }
                       });
  }
}

const GramKernels& table() {
  static constexpr GramKernels kTable = {forward, backward};
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
const GramKernels& best() { return HWY_DYNAMIC_DISPATCH(table)(); }
template <auto entry>
constexpr auto kBest = Dispatch<entry, best>::call;
}  // namespace

const GramKernels cpu_gram = {kBest<&GramKernels::forward>, kBest<&GramKernels::backward>};

}  // namespace gsx::kernels
#endif
