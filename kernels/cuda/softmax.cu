// Softmax, a power of two of threads for each row.
#include "kernels/softmax.h"

#include "kernels/cuda/map.h"
#include "kernels/cuda/reduce.h"
#include "kernels/cuda/tables.h"
#include "kernels/scalar.h"

namespace gsx::kernels::GSX_BACKEND {

namespace softmaxes {

struct Largest {
  float value;
  __device__ void add(const Largest& other) { value = scalar::at_least(other.value, value); }
};
struct Sum {
  double value;
  __device__ void add(const Sum& other) { value += other.value; }
};
struct Shared {
  Largest largest[kMapThreads];
  Sum sums[kMapThreads];
};

// A block has kMapThreads / threads rows; thread t works for row t % rows of them, on every
// threads-th lane from t / rows on.
struct RowThreads {
  int64_t rows;
  int c, cs, threads, per_block;

  static RowThreads of(const Rows& r) {
    RowThreads t{r.rows, static_cast<int>(r.c), static_cast<int>(r.cs), 1, 0};
    while (t.threads < kMapThreads && t.threads * 4 < t.c) t.threads *= 2;
    t.per_block = kMapThreads / t.threads;
    return t;
  }
  int64_t blocks() const { return (rows + per_block - 1) / per_block; }
};

// Reads x three times (from the cache after the first) and writes y. Hazard: see add_thread_rows,
// after which every thread reads its row's result.
__global__ void __launch_bounds__(kMapThreads)
    forward_kernel(const RowThreads r, const float* x, float* y) {
  auto& shared = gpu::dynamic_shared<Shared>();
  const int thread = static_cast<int>(threadIdx.x), column = thread % r.per_block;
  const int first = thread / r.per_block;
  const int64_t row = int64_t{blockIdx.x} * r.per_block + column, at = row * r.cs;
  const bool busy = row < r.rows;
  Largest largest{busy ? x[at] : 0.0f};
  for (int i = first; busy && i < r.c; i += r.threads) largest.add({x[at + i]});
  shared.largest[thread] = largest;
  add_thread_rows(shared.largest, r.threads, r.per_block);
  const float most = shared.largest[column].value;
  Sum sum{0};
  for (int i = first; busy && i < r.c; i += r.threads) sum.value += scalar::exp(x[at + i] - most);
  shared.sums[thread] = sum;
  add_thread_rows(shared.sums, r.threads, r.per_block);
  const float inverse = static_cast<float>(1.0 / shared.sums[column].value);
  for (int i = first; busy && i < r.cs; i += r.threads)
    y[at + i] = i < r.c ? scalar::exp(x[at + i] - most) * inverse : 0.0f;
}

// Reads y and gy twice and writes gx.
__global__ void __launch_bounds__(kMapThreads)
    backward_kernel(const RowThreads r, const float* y, const float* gy, float* gx) {
  auto& shared = gpu::dynamic_shared<Shared>();
  const int thread = static_cast<int>(threadIdx.x), column = thread % r.per_block;
  const int first = thread / r.per_block;
  const int64_t row = int64_t{blockIdx.x} * r.per_block + column, at = row * r.cs;
  const bool busy = row < r.rows;
  Sum sum{0};
  for (int i = first; busy && i < r.c; i += r.threads)
    sum.value += static_cast<double>(y[at + i]) * gy[at + i];
  shared.sums[thread] = sum;
  add_thread_rows(shared.sums, r.threads, r.per_block);
  const float total = static_cast<float>(shared.sums[column].value);
  for (int i = first; busy && i < r.cs; i += r.threads)
    gx[at + i] = i < r.c ? y[at + i] * (gy[at + i] - total) : 0.0f;
}

}  // namespace softmaxes

namespace {

void forward(Exec& e, const Rows& rows, const float* x, float* y) {
  const auto r = softmaxes::RowThreads::of(rows);
  if (r.rows == 0) return;
  gpu::launch("softmax", softmaxes::forward_kernel, {r.blocks()}, {kMapThreads},
              sizeof(softmaxes::Shared), e.stream, r, x, y);
}

void backward(Exec& e, const Rows& rows, const float* y, const float* gy, float* gx) {
  const auto r = softmaxes::RowThreads::of(rows);
  if (r.rows == 0) return;
  gpu::launch("softmax_backward", softmaxes::backward_kernel, {r.blocks()}, {kMapThreads},
              sizeof(softmaxes::Shared), e.stream, r, y, gy, gx);
}

}  // namespace

const SoftmaxKernels softmax = {forward, backward};

}  // namespace gsx::kernels::GSX_BACKEND
