// SGD with momentum and the (block) soft threshold.
#include "kernels/prox_l1.h"

#include <string>

#include "kernels/cuda/many.h"
#include "kernels/cuda/tables.h"

namespace gsx::kernels::GSX_BACKEND {

__device__ __forceinline__ float soft_threshold(float w, float threshold) {
  const float rest = std::fabs(w) - threshold;
  return rest <= 0 ? 0.0f : std::copysign(rest, w);
}

__device__ __forceinline__ void sgd_element(const SgdStep& s, float threshold, float g, float& w,
                                            float& v) {
  v = s.momentum * v + g;
  w -= s.lr * v;
  if (threshold > 0) w = soft_threshold(w, threshold);
}

// n elements per tensor. Reads 12 bytes and writes 8 per element, as float4 where it can; one
// launch serves many small tensors, and the proximal step comes for nothing.
__global__ void __launch_bounds__(kManyThreads)
    sgd_kernel(const Many<SgdTensor> many, const SgdStep s) {
  using convolution::Lanes;
  const int t = many.of_block(static_cast<int>(blockIdx.x));
  const SgdTensor& p = many.tensors[t];
  const int64_t at = many.first_element(t);
  if (whole(at, p.n, p.g, p.w, p.v)) {
    const auto g = Lanes<4>::load(p.g + at);
    auto w = Lanes<4>::load(p.w + at), v = Lanes<4>::load(p.v + at);
#pragma unroll
    for (int i = 0; i < 4; ++i) sgd_element(s, p.threshold, g.value[i], w.value[i], v.value[i]);
    w.store(p.w + at);
    v.store(p.v + at);
    return;
  }
  for (int64_t i = at; i < at + 4 && i < p.n; ++i)
    sgd_element(s, p.threshold, p.g[i], p.w[i], p.v[i]);
}

constexpr int kMostParts = 32;
constexpr int kShrinkThreads = 128;

struct Parts {
  float* data[kMostParts];
};

// k arrays of n floats. Moves 8 bytes per element and part, and 4 per element of worth; a thread
// owns element i of all parts and reads it a second time from the cache rather than keep k values
// in registers.
__global__ void __launch_bounds__(kShrinkThreads)
    shrink_kernel(const Parts parts, const int k, const int64_t n, const float same,
                  const float* worth) {
  const int64_t i = int64_t{blockIdx.x} * kShrinkThreads + static_cast<int>(threadIdx.x);
  if (i >= n) return;
  const float threshold = worth ? same / worth[i] : same;
  if (k == 1) {
    parts.data[0][i] = soft_threshold(parts.data[0][i], threshold);
    return;
  }
  double squares = 0;
  for (int j = 0; j < k; ++j) {
    const double w = parts.data[j][i];
    squares += w * w;
  }
  const double length = std::sqrt(squares);
  const float factor = length <= threshold ? 0.0f : static_cast<float>(1.0 - threshold / length);
  for (int j = 0; j < k; ++j) {
    parts.data[j][i] = factor == 0 ? 0.0f : parts.data[j][i] * factor;
  }
}

namespace {

void sgd_many(Exec& e, int count, const SgdStep& s, const SgdTensor* tensors) {
  launch_many("sgd", sgd_kernel, e, count, tensors, s);
}

void sgd(Exec& e, int64_t n, float lr, float momentum, const float* g, float* w, float* v) {
  const SgdTensor tensor{n, g, w, v, 0};
  sgd_many(e, 1, {lr, momentum}, &tensor);
}

void shrink(Exec& e, int k, int64_t n, float threshold, const float* worth, float* const* parts) {
  if (k > kMostParts) {
    throw gpu::Failure("kernel shrink: at most " + std::to_string(kMostParts) +
                       " tensors can be tied on this device, got " + std::to_string(k));
  }
  if (k == 0 || n == 0) return;
  Parts by_value{};
  for (int j = 0; j < k; ++j) by_value.data[j] = parts[j];
  gpu::launch("shrink", shrink_kernel, {(n + kShrinkThreads - 1) / kShrinkThreads},
              {kShrinkThreads}, 0, e.stream, by_value, k, n, threshold, worth);
}

}  // namespace

const ProxL1Kernels prox_l1 = {sgd, shrink, sgd_many};

}  // namespace gsx::kernels::GSX_BACKEND
