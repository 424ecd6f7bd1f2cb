// y = a op b where an extent of a or b may be 1 and then counts everywhere (broadcasting), and its
// counterpart, sums over the axes that were spread. Any storage is a View here: images as they lie,
// dense arrays of rank up to 3 with h = 1 and no padding.
#pragma once
#include "kernels/exec.h"
#include "kernels/view.h"

namespace gsx::kernels {

enum class Arithmetic : uint8_t { add, sub, mul, div };

// Each of n, h, w, c of a and b is y's or 1.
struct ArithmeticShape {
  View a, b, y;
};

namespace scalar {

template <Arithmetic A>
GSX_HD inline float combine(float a, float b) {
  if constexpr (A == Arithmetic::add) return a + b;
  if constexpr (A == Arithmetic::sub) return a - b;
  if constexpr (A == Arithmetic::mul) return a * b;
  return a / b;
}

}  // namespace scalar

// Calls f.operator()<A>() with the operation as a constant.
template <class F>
void with_arithmetic(Arithmetic a, F&& f) {
  switch (a) {
    case Arithmetic::add: return f.template operator()<Arithmetic::add>();
    case Arithmetic::sub: return f.template operator()<Arithmetic::sub>();
    case Arithmetic::mul: return f.template operator()<Arithmetic::mul>();
    case Arithmetic::div: return f.template operator()<Arithmetic::div>();
  }
}

struct ArithmeticKernels {
  // Padding lanes of y become zero.
  void (*combine)(Exec&, Arithmetic, const ArithmeticShape&, const float* a, const float* b,
                  float* y);
  // y = factor * the sum of x over every axis in which y has extent 1; sums in double, in an order
  // that follows from the shapes. Padding lanes of y become zero.
  void (*sum_to)(Exec&, const View& x_view, const View& y_view, double factor, const float* x,
                 float* y);
};
extern const ArithmeticKernels cpu_arithmetic;

}  // namespace gsx::kernels
