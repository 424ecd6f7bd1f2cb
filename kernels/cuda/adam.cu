// The fused Adam step for one or many parameters.
#include "kernels/adam.h"

#include "kernels/cuda/many.h"
#include "kernels/cuda/tables.h"

namespace gsx::kernels::GSX_BACKEND {

// The operations of the CPU's step, one by one and none fused: the same bits.
__device__ __forceinline__ void adam_element(const AdamStep& s, float g, float& w, float& m,
                                             float& v) {
  const float d = g + s.decay * w;
  m = s.beta1 * m + (1.0f - s.beta1) * d;
  v = s.beta2 * v + (1.0f - s.beta2) * (d * d);
  w -= s.rate * (m / (std::sqrt(v) * s.root + s.eps));
}

// n elements per tensor. Reads 16 bytes and writes 12 per element, as float4 where it can: memory
// is the limit, and one launch serves the many small tensors of a network, which alone would each
// take as long as a launch takes.
__global__ void __launch_bounds__(kManyThreads)
    adam_kernel(const Many<AdamTensor> many, const AdamStep s) {
  using convolution::Lanes;
  const int t = many.of_block(static_cast<int>(blockIdx.x));
  const AdamTensor& p = many.tensors[t];
  const int64_t at = many.first_element(t);
  if (whole(at, p.n, p.g, p.w, p.m) && reinterpret_cast<uintptr_t>(p.v) % 16 == 0) {
    const auto g = Lanes<4>::load(p.g + at);
    auto w = Lanes<4>::load(p.w + at), m = Lanes<4>::load(p.m + at), v = Lanes<4>::load(p.v + at);
#pragma unroll
    for (int i = 0; i < 4; ++i) adam_element(s, g.value[i], w.value[i], m.value[i], v.value[i]);
    w.store(p.w + at);
    m.store(p.m + at);
    v.store(p.v + at);
    return;
  }
  for (int64_t i = at; i < at + 4 && i < p.n; ++i) adam_element(s, p.g[i], p.w[i], p.m[i], p.v[i]);
}

namespace {

void step_many(Exec& e, int count, const AdamStep& s, const AdamTensor* tensors) {
  launch_many("adam", adam_kernel, e, count, tensors, s);
}

void step(Exec& e, int64_t n, const AdamStep& s, const float* g, float* w, float* m, float* v) {
  const AdamTensor tensor{n, g, w, m, v};
  step_many(e, 1, s, &tensor);
}

}  // namespace

const AdamKernels adam = {step, step_many, nullptr};

}  // namespace gsx::kernels::GSX_BACKEND
