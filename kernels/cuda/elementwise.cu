// Elementwise passes: functions of one or two elements, applied by map.h.
#include "kernels/elementwise.h"

#include "kernels/cuda/map.h"
#include "kernels/cuda/tables.h"

namespace gsx::kernels::GSX_BACKEND {

namespace elements {

struct Add {
  __device__ float operator()(float a, float b) const { return a + b; }
};
struct Sub {
  __device__ float operator()(float a, float b) const { return a - b; }
};
struct Mul {
  __device__ float operator()(float a, float b) const { return a * b; }
};
struct Affine {
  float scale, shift;
  __device__ float operator()(float x, float) const { return fmaf(scale, x, shift); }
};
struct Constant {
  const float* value;  // on the device, or null
  float factor;
  __device__ float operator()(float, float) const { return value ? factor * __ldg(value) : factor; }
};
template <Activation A>
struct Activate {
  float slope;
  __device__ float operator()(float x, float) const { return scalar::activate<A>(x, slope); }
};
// `v` is x for leaky_relu, whose sign decides; else y = activate(x), which for relu has x's sign.
template <Activation A>
struct ActivateBackward {
  float slope;
  __device__ float operator()(float gy, float v) const {
    return gy * scalar::activate_slope<A>(v, v, slope);
  }
};
template <Pointwise P>
struct Function {
  PointwiseOptions options;
  __device__ float operator()(float x, float) const { return scalar::pointwise<P>(x, options); }
};
template <Pointwise P>
struct FunctionBackward {
  PointwiseOptions options;
  __device__ float operator()(float gy, float x) const {
    return gy * scalar::pointwise_slope<P>(x, options);
  }
};

}  // namespace elements

namespace {

void accumulate(Exec& e, int64_t n, const float* x, float* y) {
  map("accumulate", e, n, elements::Add(), {y, x, y});
}
void add(Exec& e, int64_t n, const float* a, const float* b, float* y) {
  map("add", e, n, elements::Add(), {a, b, y});
}
void sub(Exec& e, int64_t n, const float* a, const float* b, float* y) {
  map("sub", e, n, elements::Sub(), {a, b, y});
}
void mul(Exec& e, int64_t n, const float* a, const float* b, float* y) {
  map("mul", e, n, elements::Mul(), {a, b, y});
}
void affine(Exec& e, const Rows& r, float scale, float shift, const float* x, float* y) {
  map_rows("affine", e, r, elements::Affine{scale, shift}, {x, nullptr, y});
}
void fill(Exec& e, const Rows& r, const float* value, float factor, float* y) {
  map_rows("fill", e, r, elements::Constant{value, factor}, {nullptr, nullptr, y});
}

void activate(Exec& e, const Rows& r, Activation a, float slope, const float* x, float* y) {
  with_activation(a, [&]<Activation A>() {
    map_rows("activate", e, r, elements::Activate<A>{slope}, {x, nullptr, y});
  });
}

void activate_backward(Exec& e, int64_t n, Activation a, float slope, const float* x,
                       const float* y, const float* gy, float* gx) {
  const float* v = a == Activation::leaky_relu ? x : a == Activation::none ? nullptr : y;
  with_activation(a, [&]<Activation A>() {
    map("activate_backward", e, n, elements::ActivateBackward<A>{slope}, {gy, v, gx});
  });
}

void pointwise(Exec& e, const Rows& r, Pointwise f, const PointwiseOptions& o, const float* x,
               float* y) {
  with_pointwise(f, [&]<Pointwise P>() {
    map_rows("pointwise", e, r, elements::Function<P>{o}, {x, nullptr, y});
  });
}

void pointwise_backward(Exec& e, int64_t n, Pointwise f, const PointwiseOptions& o, const float* x,
                        const float* gy, float* gx) {
  with_pointwise(f, [&]<Pointwise P>() {
    map("pointwise_backward", e, n, elements::FunctionBackward<P>{o}, {gy, x, gx});
  });
}

}  // namespace

const ElementwiseKernels elementwise = {
    accumulate,        add, sub, mul, affine, fill, activate, activate_backward, pointwise,
    pointwise_backward};

}  // namespace gsx::kernels::GSX_BACKEND
