// Depthwise convolution: a thread owns kWidth channels of a few neighbouring pixels of a row, which
// share each tap's weights. Moves every input about once through the first-level cache's window and
// writes every output once.
#include "kernels/cuda/conv_general.h"
#include "kernels/cuda/pixel_groups.h"

namespace gsx::kernels::GSX_BACKEND::convolution {
constexpr int kRun = 4;  // pixels of a thread

template <int kWidth>
__global__ void __launch_bounds__(kMapThreads, 4)
    depthwise_kernel(const PixelGroups groups, const GeneralPass p, const float* __restrict__ x,
                     const float* __restrict__ w, const float* __restrict__ bias,
                     float* __restrict__ y) {
  const int thread = group_thread();
  if (thread >= groups.count) return;
  const PixelGroups::Place at = groups.at(thread);
  const int left = at.x * kRun;
  Lanes<kWidth> sums[kRun];
#pragma unroll
  for (int i = 0; i < kRun; ++i) {
#pragma unroll
    for (int k = 0; k < kWidth; ++k) {
      const int channel = at.channel + k;
      sums[i].value[k] = bias && channel < p.out.c ? bias[channel] : 0.0f;
    }
  }
  for (int r = 0; r < p.f.r; ++r) {
    const int row = p.rows.source(at.y, r);
    if (row < 0) continue;
    const float* line = x + p.in.offset(at.n, row, 0) + at.channel;
    for (int s = 0; s < p.f.s; ++s) {
      const auto weight = Lanes<kWidth>::load(w + p.f.offset(r, s, 0) + at.channel);
#pragma unroll
      for (int i = 0; i < kRun; ++i) {
        const int column = left + i < p.out.w ? p.columns.source(left + i, s) : -1;
        if (column < 0) continue;
        const auto from = Lanes<kWidth>::load(line + int64_t{column} * p.in.cs);
#pragma unroll
        for (int k = 0; k < kWidth; ++k)
          sums[i].value[k] = fmaf(from.value[k], weight.value[k], sums[i].value[k]);
      }
    }
  }
  float* to = y + p.out.offset(at.n, at.y, left) + at.channel;
#pragma unroll
  for (int i = 0; i < kRun; ++i)
    if (left + i < p.out.w) sums[i].store(to + int64_t{i} * p.out.cs);
}

void depthwise_correlate(Exec& e, const GeneralPass& p, const float* x, const float* w,
                         const float* bias, float* y) {
  const View runs = {p.out.n, p.out.h, (p.out.w + kRun - 1) / kRun, p.out.c, p.out.cs};
  const bool wide = p.out.cs % 4 == 0 && aligned16(x) && aligned16(w) && aligned16(y);
  launch_groups("conv_depthwise", e, runs, runs.cs, wide, depthwise_kernel<4>, depthwise_kernel<1>,
                p, x, w, bias, y);
}

}  // namespace gsx::kernels::GSX_BACKEND::convolution
