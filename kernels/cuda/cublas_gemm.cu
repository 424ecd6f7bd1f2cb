// The tables of Gram matrices and fully connected layers with their products computed by cuBLAS.
// Images go as they lie: pixels are rows of cs elements. As in gram.cu and linear.cu, only Gram
// matrices of more than four channels follow Exec::math; all else is FP32.
#include "kernels/cublas.h"

#include "kernels/cuda/gram.h"
#include "kernels/cuda/staging.h"
#include "kernels/cuda/tables.h"

namespace gsx::kernels::GSX_BACKEND {
namespace {

MathMode gram_math(const Exec& e, const View& v) { return v.c > 4 ? e.math : MathMode::fp32; }

// y = x^T x / (c*h*w), image by image.
void gram_forward(Exec& e, const View& v, const float* x, float* y) {
  const CublasProduct p = {.rows = v.c,
                           .columns = v.c,
                           .depth = static_cast<int>(v.plane()),
                           .batch = v.n,
                           .scale = static_cast<float>(gram_scale(v)),
                           .math = gram_math(e, v)};
  e.cublas->multiply(e, p, {x, v.cs, true, v.image()}, {x, v.cs, false, v.image()}, y, v.c,
                     int64_t{v.c} * v.c);
}

// gx = x both; the columns from c on of both are zeros, and so become gx's padding lanes.
void gram_backward(Exec& e, const View& v, const float* x, const float* gy, float* gx) {
  Workspace::Scope scope(*e.workspace);
  const int64_t size = int64_t{v.c} * v.cs;
  float* both = e.workspace->take<float>(v.n * size);
  for (int n = 0; n < v.n; ++n)
    grams::symmetric(e, v, gy + int64_t{n} * v.c * v.c, both + n * size);
  const CublasProduct p = {.rows = static_cast<int>(v.plane()),
                           .columns = v.cs,
                           .depth = v.c,
                           .batch = v.n,
                           .math = gram_math(e, v)};
  e.cublas->multiply(e, p, {x, v.cs, false, v.image()}, {both, v.cs, false, size}, gx, v.cs,
                     v.image());
}

// y = x w^T, + bias.
void linear_forward(Exec& e, const LinearShape& s, const float* x, const float* w,
                    const float* bias, float* y) {
  e.cublas->multiply(e, {.rows = s.n, .columns = s.o, .depth = s.f}, {x, s.f}, {w, s.f, true}, y,
                     s.o);
  if (!bias) return;
  const View rows = {s.n, 1, 1, s.o, s.o};
  staging::narrow(e, staging::Frame::none(rows), y, bias, y);
}

// gx = gy w.
void linear_backward_input(Exec& e, const LinearShape& s, const float* gy, const float* w,
                           float* gx) {
  e.cublas->multiply(e, {.rows = s.n, .columns = s.f, .depth = s.o}, {gy, s.o}, {w, s.f}, gx, s.f);
}

// gw (+)= gy^T x.
void linear_backward_weight(Exec& e, const LinearShape& s, const float* x, const float* gy,
                            bool accumulate, float* gw) {
  e.cublas->multiply(e, {.rows = s.o, .columns = s.f, .depth = s.n, .accumulate = accumulate},
                     {gy, s.o, true}, {x, s.f}, gw, s.f);
}

}  // namespace

const GramKernels cublas_gram = {gram_forward, gram_backward};

const LinearKernels cublas_linear = {
    .forward = linear_forward,
    .backward_input = linear_backward_input,
    .backward_weight = linear_backward_weight,
    .backward_bias = [](Exec& e, const LinearShape& s, const float* gy, bool accumulate,
                        float* gbias) { linear.backward_bias(e, s, gy, accumulate, gbias); },
};

}  // namespace gsx::kernels::GSX_BACKEND
