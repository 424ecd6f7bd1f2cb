// Sums and dot products over whole storages.
#include "kernels/reduce.h"

#include "kernels/cuda/sum_storage.h"
#include "kernels/cuda/tables.h"

namespace gsx::kernels::GSX_BACKEND {

namespace sums {

struct Value {
  __device__ double operator()(float a, float) const { return a; }
};
struct Product {
  __device__ double operator()(float a, float b) const { return static_cast<double>(a) * b; }
};
struct TimesScalar {
  const float* g;  // on the device
  __device__ float operator()(float b, float) const { return __ldg(g) * b; }
};

// y[0] = factor * sum / divisor. One block; `count` is at most about a thousand, 8 KiB.
__global__ void __launch_bounds__(kSumThreads)
    finish_kernel(const double* partials, const int64_t count, const double factor,
                  const double divisor, float* y) {
  double sum = 0;
  for (int64_t i = static_cast<int>(threadIdx.x); i < count; i += kSumThreads) sum += partials[i];
  const double total = block_sum(gpu::dynamic_shared<BlockSums<double, kSumThreads>>(), sum);
  if (threadIdx.x == 0) y[0] = static_cast<float>(factor * total / divisor);
}

}  // namespace sums

void finish_sum(Exec& e, const double* partials, int64_t count, double factor, double divisor,
                float* y) {
  gpu::launch("finish_sum", sums::finish_kernel, {1}, {kSumThreads},
              sizeof(BlockSums<double, kSumThreads>), e.stream, partials, count, factor, divisor,
              y);
}

namespace {

void sum(Exec& e, int64_t n, double factor, const float* x, float* y) {
  sum_all("sum", e, n, sums::Value(), x, nullptr, factor, 1.0, y);
}
void dot(Exec& e, int64_t n, const float* a, const float* b, float* y) {
  sum_all("dot", e, n, sums::Product(), a, b, 1.0, 1.0, y);
}
void dot_backward(Exec& e, int64_t n, const float* g, const float* b, float* ga) {
  map("dot_backward", e, n, sums::TimesScalar{g}, {b, nullptr, ga});
}

}  // namespace

const ReduceKernels reduce = {sum, dot, dot_backward};

}  // namespace gsx::kernels::GSX_BACKEND
