// Chains of multiply-adds on registers; see kernels/peak.h.
#include "kernels/peak.h"

#include "gpu.h"
#include "kernels/cuda/tables.h"

namespace gsx::kernels::GSX_BACKEND {
namespace peak_work {

constexpr int kThreads = 256, kWarps = kThreads / 32, kIterations = 128, kChains = 8;

// Eight chains per thread. `sink` is written only where a chain got out of hand, which none does;
// without it the compiler would leave the work out.
__global__ void __launch_bounds__(kThreads) fma_kernel(float* sink) {
  float sum[kChains];
  for (int c = 0; c < kChains; ++c) sum[c] = static_cast<float>(c);
  for (int i = 0; i < kIterations; ++i) {
#pragma unroll
    for (int c = 0; c < kChains; ++c) sum[c] = fmaf(sum[c], 0.999f, 0.001f);
  }
  float all = 0;
  for (int c = 0; c < kChains; ++c) all += sum[c];
  if (all > 1e9f) sink[0] = all;
}

// Eight tiles of sums per warp.
template <MathMode kMath>
__global__ void __launch_bounds__(kThreads) tensor_kernel(float* sink) {
  float sum[kChains][4] = {};
  const uint32_t bits = kMath == MathMode::tf32 ? 0x3a000000u : 0x3a003a00u;  // small numbers
  const uint32_t a[4] = {bits, bits, bits, bits}, b[2] = {bits, bits};
  for (int i = 0; i < kIterations; ++i) {
#pragma unroll
    for (int c = 0; c < kChains; ++c) {
      if constexpr (kMath == MathMode::tf32) gpu::mma_m16n8k8_tf32(sum[c], a, b);
      else gpu::mma_m16n8k16_bf16(sum[c], a, b);
    }
  }
  float all = 0;
  for (int c = 0; c < kChains; ++c) all += sum[c][0] + sum[c][1] + sum[c][2] + sum[c][3];
  if (all > 1e9f) sink[0] = all;
}

double multiply_adds(Exec& e, int64_t rounds) {
  const Workspace::Scope scope(*e.workspace);
  float* sink = e.workspace->take<float>(1);
  const double chains = static_cast<double>(rounds) * kIterations * kChains;
  switch (e.math) {
    case MathMode::tf32:
      gpu::launch("peak_tf32", tensor_kernel<MathMode::tf32>, {rounds}, {kThreads}, 0, e.stream,
                  sink);
      return chains * kWarps * 2 * 16 * 8 * 8;
    case MathMode::bf16:
      gpu::launch("peak_bf16", tensor_kernel<MathMode::bf16>, {rounds}, {kThreads}, 0, e.stream,
                  sink);
      return chains * kWarps * 2 * 16 * 8 * 16;
    case MathMode::fp32: break;
  }
  gpu::launch("peak_fp32", fma_kernel, {rounds}, {kThreads}, 0, e.stream, sink);
  return chains * kThreads * 2;
}

}  // namespace peak_work

const PeakKernels peak = {peak_work::multiply_adds};

}  // namespace gsx::kernels::GSX_BACKEND
