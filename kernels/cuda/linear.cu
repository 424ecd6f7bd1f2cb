// Fully connected layers. Batches are small, so every pass is bound by reading or writing the o x f
// weights once: rows are spread over threads along f.
#include "kernels/linear.h"

#include "kernels/cuda/map.h"
#include "kernels/cuda/reduce.h"
#include "kernels/cuda/tables.h"

namespace gsx::kernels::GSX_BACKEND {

namespace dense {

constexpr int kRows = 4;    // of x that a warp multiplies with one row of w
constexpr int kSteps = 16;  // summed in float before double takes over
constexpr int kWarps = kMapThreads / kWarp;

// y[n, o] = bias[o] + x[n] . w[o]: a warp takes output o of four rows n and reads w[o] once, its
// lanes side by side along f.
template <int kWidth>
__global__ void __launch_bounds__(kMapThreads)
    forward_kernel(const LinearShape s, const float* x, const float* w, const float* bias,
                   float* y) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int64_t o = int64_t{blockIdx.x} * kWarps + static_cast<int>(threadIdx.x) / kWarp;
  const int64_t n0 = int64_t{blockIdx.y} * kRows;
  if (o >= s.o) return;  // the whole warp
  double total[kRows] = {};
  constexpr int kStep = kWarp * kWidth;
  for (int64_t first = lane * kWidth; first < s.f; first += int64_t{kSteps} * kStep) {
    float sum[kRows] = {};
    for (int j = 0; j < kSteps; ++j) {
      const int64_t at = first + int64_t{j} * kStep;
      if (at >= s.f) break;
      const Lanes<kWidth> b = Lanes<kWidth>::load(w + o * s.f + at);
#pragma unroll
      for (int r = 0; r < kRows; ++r) {
        if (n0 + r >= s.n) continue;
        const Lanes<kWidth> a = Lanes<kWidth>::load(x + (n0 + r) * s.f + at);
#pragma unroll
        for (int i = 0; i < kWidth; ++i) sum[r] = fmaf(a.value[i], b.value[i], sum[r]);
      }
    }
#pragma unroll
    for (int r = 0; r < kRows; ++r) total[r] += sum[r];
  }
#pragma unroll
  for (int r = 0; r < kRows; ++r) {
    const double sum = warp_sum(total[r]);
    if (lane == 0 && n0 + r < s.n) {
      y[(n0 + r) * s.o + o] = static_cast<float>(sum) + (bias ? bias[o] : 0.0f);
    }
  }
}

constexpr int kColumns = 32, kSlices = kMapThreads / kColumns;

template <int kWidth>
struct SliceShared {
  Lanes<kWidth> sum[kMapThreads];
};

// gx[n, i] = sum over o of gy[n, o] w[o, i]: a block takes 32 groups of i of one row n, each of its
// eight rows of threads (a warp) every eighth o.
template <int kWidth>
__global__ void __launch_bounds__(kMapThreads)
    input_kernel(const LinearShape s, const float* gy, const float* w, float* gx) {
  auto& shared = gpu::dynamic_shared<SliceShared<kWidth>>();
  const int column = static_cast<int>(threadIdx.x) % kColumns;
  const int slice = static_cast<int>(threadIdx.x) / kColumns;
  const int64_t at = (int64_t{blockIdx.x} * kColumns + column) * kWidth;
  const int64_t n = blockIdx.y;
  Lanes<kWidth> sum;
  if (at < s.f) {
#pragma unroll 4
    for (int o = slice; o < s.o; o += kSlices) {
      const float g = __ldg(gy + n * s.o + o);
      const Lanes<kWidth> b = Lanes<kWidth>::load(w + int64_t{o} * s.f + at);
#pragma unroll
      for (int i = 0; i < kWidth; ++i) sum.value[i] = fmaf(g, b.value[i], sum.value[i]);
    }
  }
  shared.sum[threadIdx.x] = sum;
  add_thread_rows(shared.sum, kSlices, kColumns);
  if (slice == 0 && at < s.f) shared.sum[column].store(gx + n * s.f + at);
}

// gw[o, i] (+)= sum over n of gy[n, o] x[n, i]: a thread takes a group of i of one o. Writes the
// weights once (and reads them to accumulate); x, n rows of f floats, comes from the cache.
template <int kWidth>
__global__ void __launch_bounds__(kMapThreads)
    weight_kernel(const LinearShape s, const float* x, const float* gy, const bool accumulate,
                  float* gw) {
  const int64_t thread = map_thread(), groups = s.f / kWidth;
  const int64_t o = thread / groups, at = thread % groups * kWidth;
  if (o >= s.o) return;
  Lanes<kWidth> sum;
  if (accumulate) sum = Lanes<kWidth>::load(gw + o * s.f + at);
  for (int64_t n = 0; n < s.n; ++n) {
    const float g = __ldg(gy + n * s.o + o);
    const Lanes<kWidth> b = Lanes<kWidth>::load(x + n * s.f + at);
#pragma unroll
    for (int i = 0; i < kWidth; ++i) sum.value[i] = fmaf(g, b.value[i], sum.value[i]);
  }
  sum.store(gw + o * s.f + at);
}

// gbias[o] (+)= sum over n of gy[n, o]: a thread per o, which reads n floats.
__global__ void __launch_bounds__(kMapThreads)
    bias_kernel(const LinearShape s, const float* gy, const bool accumulate, float* gbias) {
  const int64_t o = map_thread();
  if (o >= s.o) return;
  double sum = 0;
  for (int64_t n = 0; n < s.n; ++n) sum += gy[n * s.o + o];
  gbias[o] = (accumulate ? gbias[o] : 0.0f) + static_cast<float>(sum);
}

}  // namespace dense

namespace {

bool wide_rows(const LinearShape& s, const float* a, const float* b) {
  return s.f % 4 == 0 && aligned16(a) && aligned16(b);
}

int64_t parts(int64_t n, int64_t size) { return (n + size - 1) / size; }

void forward(Exec& e, const LinearShape& s, const float* x, const float* w, const float* bias,
             float* y) {
  const auto kernel = wide_rows(s, x, w) ? dense::forward_kernel<4> : dense::forward_kernel<1>;
  gpu::launch("linear", kernel, {parts(s.o, dense::kWarps), parts(s.n, dense::kRows)},
              {kMapThreads}, 0, e.stream, s, x, w, bias, y);
}

void backward_input(Exec& e, const LinearShape& s, const float* gy, const float* w, float* gx) {
  if (wide_rows(s, w, gx)) {
    gpu::launch("linear_input", dense::input_kernel<4>, {parts(s.f, 4 * dense::kColumns), s.n},
                {kMapThreads}, sizeof(dense::SliceShared<4>), e.stream, s, gy, w, gx);
  } else {
    gpu::launch("linear_input", dense::input_kernel<1>, {parts(s.f, dense::kColumns), s.n},
                {kMapThreads}, sizeof(dense::SliceShared<1>), e.stream, s, gy, w, gx);
  }
}

void backward_weight(Exec& e, const LinearShape& s, const float* x, const float* gy,
                     bool accumulate, float* gw) {
  const bool wide = wide_rows(s, x, gw);
  const auto kernel = wide ? dense::weight_kernel<4> : dense::weight_kernel<1>;
  gpu::launch("linear_weight", kernel, {map_blocks(int64_t{s.o} * s.f / (wide ? 4 : 1))},
              {kMapThreads}, 0, e.stream, s, x, gy, accumulate, gw);
}

void backward_bias(Exec& e, const LinearShape& s, const float* gy, bool accumulate, float* gbias) {
  gpu::launch("linear_bias", dense::bias_kernel, {map_blocks(s.o)}, {kMapThreads}, 0, e.stream, s,
              gy, accumulate, gbias);
}

}  // namespace

const LinearKernels linear = {forward, backward_input, backward_weight, backward_bias};

}  // namespace gsx::kernels::GSX_BACKEND
