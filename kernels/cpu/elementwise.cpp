// Elementwise passes: plain loops, which the compiler vectorises.
#include "kernels/elementwise.h"

#include "kernels/cpu/parallel.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/elementwise.cpp"
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
void map(Exec& e, int64_t n, F&& f) {
  e.pool->for_ranges(n, kElementGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) f(i);
  });
}

// Like map over the counted lanes of rows; calls clear(begin, end) for each row's padding lanes.
template <class F>
void map_rows(Exec& e, const Rows& r, float* y, F&& f) {
  if (r.c == r.cs) {
    map(e, r.size(), f);
    return;
  }
  e.pool->for_ranges(r.rows, pixel_grain(r.cs), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t at = row * r.cs;
      for (int64_t i = at; i < at + r.c; ++i) f(i);
      for (int64_t i = at + r.c; i < at + r.cs; ++i) y[i] = 0;
    }
  });
}

void accumulate(Exec& e, int64_t n, const float* x, float* y) {
  map(e, n, [=](int64_t i) { y[i] += x[i]; });
}
void add(Exec& e, int64_t n, const float* a, const float* b, float* y) {
  map(e, n, [=](int64_t i) { y[i] = a[i] + b[i]; });
}
void sub(Exec& e, int64_t n, const float* a, const float* b, float* y) {
  map(e, n, [=](int64_t i) { y[i] = a[i] - b[i]; });
}
void mul(Exec& e, int64_t n, const float* a, const float* b, float* y) {
  map(e, n, [=](int64_t i) { y[i] = a[i] * b[i]; });
}
void affine(Exec& e, const Rows& r, float scale, float shift, const float* x, float* y) {
  map_rows(e, r, y, [=](int64_t i) { y[i] = std::fma(scale, x[i], shift); });
}
void fill(Exec& e, const Rows& r, const float* value, float factor, float* y) {
  const float v = value ? factor * value[0] : factor;
  map_rows(e, r, y, [=](int64_t i) { y[i] = v; });
}

void activate(Exec& e, const Rows& r, Activation a, float slope, const float* x, float* y) {
  with_activation(a, [&]<Activation A>() {
    map_rows(e, r, y, [=](int64_t i) { y[i] = scalar::activate<A>(x[i], slope); });
  });
}

void activate_backward(Exec& e, int64_t n, Activation a, float slope, const float* x,
                       const float* y, const float* gy, float* gx) {
  with_activation(a, [&]<Activation A>() {
    if constexpr (A == Activation::leaky_relu) {
      map(e, n, [=](int64_t i) { gx[i] = gy[i] * scalar::activate_slope<A>(x[i], 0, slope); });
    } else if constexpr (A == Activation::relu) {
      map(e, n, [=](int64_t i) { gx[i] = gy[i] * scalar::activate_slope<A>(y[i], y[i], slope); });
    } else {
      map(e, n, [=](int64_t i) { gx[i] = gy[i] * scalar::activate_slope<A>(0, y[i], slope); });
    }
  });
}

void pointwise(Exec& e, const Rows& r, Pointwise f, const PointwiseOptions& options, const float* x,
               float* y) {
  with_pointwise(f, [&, o = options]<Pointwise P>() {
    map_rows(e, r, y, [=](int64_t i) { y[i] = scalar::pointwise<P>(x[i], o); });
  });
}

void pointwise_backward(Exec& e, int64_t n, Pointwise f, const PointwiseOptions& options,
                        const float* x, const float* gy, float* gx) {
  with_pointwise(f, [&, o = options]<Pointwise P>() {
    map(e, n, [=](int64_t i) { gx[i] = gy[i] * scalar::pointwise_slope<P>(x[i], o); });
  });
}

const ElementwiseKernels& table() {
  static constexpr ElementwiseKernels kTable = {
      accumulate,        add, sub, mul, affine, fill, activate, activate_backward, pointwise,
      pointwise_backward};
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
const ElementwiseKernels& best() { return GSX_DISPATCH(table)(); }
template <auto entry>
constexpr auto kBest = Dispatch<entry, best>::call;
}  // namespace

const ElementwiseKernels cpu_elementwise = {
    kBest<&ElementwiseKernels::accumulate>, kBest<&ElementwiseKernels::add>,
    kBest<&ElementwiseKernels::sub>,        kBest<&ElementwiseKernels::mul>,
    kBest<&ElementwiseKernels::affine>,     kBest<&ElementwiseKernels::fill>,
    kBest<&ElementwiseKernels::activate>,   kBest<&ElementwiseKernels::activate_backward>,
    kBest<&ElementwiseKernels::pointwise>,  kBest<&ElementwiseKernels::pointwise_backward>};

}  // namespace gsx::kernels
#endif
