// Per-channel slopes below zero, and the channel sums of their gradients.
#include "kernels/cuda/channel_sums.h"
#include "kernels/cuda/pixel_groups.h"
#include "kernels/cuda/tables.h"
#include "kernels/elementwise.h"

namespace gsx::kernels::GSX_BACKEND {

namespace slopes {

struct Arrays {
  const float *x, *slope, *gy;  // gy is null going forward
  float* to;
};

// to = x or gy, times slope[c] where x is not positive; padding lanes 0. Moves 8 bytes per element,
// 12 going back; the v.c slopes stay in the cache.
template <int kWidth>
__global__ void __launch_bounds__(kMapThreads)
    prelu_kernel(const PixelGroups groups, const View v, const Arrays p) {
  const int thread = group_thread();
  if (thread >= groups.count) return;
  const PixelGroups::Place place = groups.at(thread);
  const int64_t at = place.pixel * v.cs + place.channel;
  const Lanes<kWidth> x = Lanes<kWidth>::load(p.x + at);
  const Lanes<kWidth> g = p.gy ? Lanes<kWidth>::load(p.gy + at) : x;
  Lanes<kWidth> out;
#pragma unroll
  for (int i = 0; i < kWidth; ++i) {
    const int c = place.channel + i;
    const float s = c < v.c ? __ldg(p.slope + c) : 0.0f;
    const bool below = p.gy ? !(x.value[i] > 0) : x.value[i] < 0;
    out.value[i] = c < v.c ? (below ? s * g.value[i] : g.value[i]) : 0.0f;
  }
  out.store(p.to + at);
}

// sums[0] += min(x, 0) gy.
struct Gradients {
  const float *x, *gy;

  template <int kWidth>
  __device__ void operator()(int64_t at, int, Lanes<kWidth> (&sums)[1]) const {
    const Lanes<kWidth> in = Lanes<kWidth>::load(x + at), g = Lanes<kWidth>::load(gy + at);
#pragma unroll
    for (int i = 0; i < kWidth; ++i) {
      const float below = in.value[i] < 0 ? in.value[i] : 0.0f;
      sums[0].value[i] = fmaf(below, g.value[i], sums[0].value[i]);
    }
  }
};

struct WriteGradients {
  float* gslope;
  bool accumulate;

  __device__ void operator()(int, int c, const double (&sums)[1]) const {
    gslope[c] = (accumulate ? gslope[c] : 0.0f) + static_cast<float>(sums[0]);
  }
};

}  // namespace slopes

namespace {

void launch(const char* name, Exec& e, const View& v, const slopes::Arrays& p) {
  const bool wide = v.cs % 4 == 0 && aligned16(p.x) && aligned16(p.gy) && aligned16(p.to);
  launch_groups(name, e, v, v.cs, wide, slopes::prelu_kernel<4>, slopes::prelu_kernel<1>, v, p);
}

void forward(Exec& e, const View& v, const float* x, const float* slope, float* y) {
  launch("prelu", e, v, {x, slope, nullptr, y});
}

void backward_input(Exec& e, const View& v, const float* x, const float* slope, const float* gy,
                    float* gx) {
  launch("prelu_backward", e, v, {x, slope, gy, gx});
}

void backward_slope(Exec& e, const View& v, const float* x, const float* gy, bool accumulate,
                    float* gslope) {
  const bool wide = v.cs % 4 == 0 && aligned16(x) && aligned16(gy);
  sum_channels<1>("prelu_sums", e, 1, v.pixels(), v.c, v.cs, wide, slopes::Gradients{x, gy},
                  slopes::WriteGradients{gslope, accumulate});
}

}  // namespace

const PreluKernels prelu = {forward, backward_input, backward_slope};

}  // namespace gsx::kernels::GSX_BACKEND
