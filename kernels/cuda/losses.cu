// Losses and their gradients.
#include "kernels/losses.h"

#include "kernels/cuda/sum_storage.h"
#include "kernels/cuda/tables.h"
#include "kernels/loss_values.h"

namespace gsx::kernels::GSX_BACKEND {

namespace loss {

template <PairLoss L>
struct PairValue {
  __device__ double operator()(float a, float b) const { return scalar::loss_value<L>(a, b); }
};

template <TargetLoss L>
struct TargetValue {
  float target;
  __device__ double operator()(float x, float) const { return scalar::loss_value<L>(x, target); }
};

// The gradient of a mean's every element: gy, a float on the device, over their count.
struct MeanGradient {
  const float* gy;
  double inverse_count;
  __device__ float value() const { return static_cast<float>(__ldg(gy) * inverse_count); }
};

template <TargetLoss L>
struct TargetGradient {
  MeanGradient g;
  float target;
  __device__ float operator()(float x, float) const {
    return g.value() * scalar::loss_slope<L>(x, target);
  }
};

struct PairArrays {
  const float *a, *b;
  float *ga, *gb;  // either may be null
  int64_t n;
};

template <PairLoss L, int kWidth>
__device__ void write_pair(const PairArrays& p, int64_t at, float g) {
  const Lanes<kWidth> a = Lanes<kWidth>::load(p.a + at), b = Lanes<kWidth>::load(p.b + at);
  Lanes<kWidth> ga, gb;
#pragma unroll
  for (int i = 0; i < kWidth; ++i) {
    ga.value[i] = scalar::loss_gradient<L>(a.value[i], b.value[i], g);
    gb.value[i] = 0.0f - ga.value[i];
  }
  if (p.ga) ga.store(p.ga + at);
  if (p.gb) gb.store(p.gb + at);
}

// ga and gb at once: reads 8 bytes per element, writes 4 for each gradient asked for. Threads take
// kWidth neighbours; the last ones an element left over each.
template <PairLoss L, int kWidth>
__global__ void __launch_bounds__(kMapThreads)
    pair_backward_kernel(const PairArrays p, const MeanGradient mean) {
  const int64_t whole = p.n / kWidth, thread = map_thread();
  const float g = mean.value();
  if (thread < whole) {
    write_pair<L, kWidth>(p, thread * kWidth, g);
  } else if (const int64_t at = whole * kWidth + (thread - whole); at < p.n) {
    write_pair<L, 1>(p, at, g);
  }
}

}  // namespace loss

namespace {

void pair(Exec& e, int64_t n, int64_t count, PairLoss kind, const float* a, const float* b,
          float* y) {
  with_loss(kind, [&]<PairLoss L>() {
    sum_all("loss_pair", e, n, loss::PairValue<L>(), a, b, 1.0, static_cast<double>(count), y);
  });
}

void pair_backward(Exec& e, int64_t n, int64_t count, PairLoss kind, const float* a, const float* b,
                   const float* gy, float* ga, float* gb) {
  if (n == 0) return;
  const loss::PairArrays p = {a, b, ga, gb, n};
  const loss::MeanGradient mean = {gy, 1.0 / static_cast<double>(count)};
  const bool wide = aligned16(a) && aligned16(b) && aligned16(ga) && aligned16(gb);
  with_loss(kind, [&]<PairLoss L>() {
    if (wide) {
      gpu::launch("loss_pair_backward", loss::pair_backward_kernel<L, 4>,
                  {map_blocks(n / 4 + n % 4)}, {kMapThreads}, 0, e.stream, p, mean);
    } else {
      gpu::launch("loss_pair_backward", loss::pair_backward_kernel<L, 1>, {map_blocks(n)},
                  {kMapThreads}, 0, e.stream, p, mean);
    }
  });
}

void target(Exec& e, const Rows& r, TargetLoss kind, float t, const float* x, float* y) {
  with_loss(kind, [&]<TargetLoss L>() {
    sum_rows("loss_target", e, r, loss::TargetValue<L>{t}, x, nullptr, 1.0,
             static_cast<double>(r.rows * r.c), y);
  });
}

void target_backward(Exec& e, const Rows& r, TargetLoss kind, float t, const float* x,
                     const float* gy, float* gx) {
  const loss::MeanGradient mean = {gy, 1.0 / static_cast<double>(r.rows * r.c)};
  with_loss(kind, [&]<TargetLoss L>() {
    map_rows("loss_target_backward", e, r, loss::TargetGradient<L>{mean, t}, {x, nullptr, gx});
  });
}

}  // namespace

const LossKernels losses = {pair, pair_backward, target, target_backward};

}  // namespace gsx::kernels::GSX_BACKEND
