// Per-channel scale and shift of NHWC images, and the channel sums of its backward pass.
#include "kernels/cuda/channel_sums.h"
#include "kernels/cuda/pixel_groups.h"
#include "kernels/cuda/tables.h"
#include "kernels/elementwise.h"

namespace gsx::kernels::GSX_BACKEND {

namespace affine_channels {

// y = scale[c] x + shift[c], padding lanes 0. Moves 8 bytes per element; the v.c scales and shifts
// stay in the cache.
template <int kWidth>
__global__ void __launch_bounds__(kMapThreads)
    forward_kernel(const PixelGroups groups, const View v, const float* x, const float* scale,
                   const float* shift, float* y) {
  const int thread = group_thread();
  if (thread >= groups.count) return;
  const PixelGroups::Place place = groups.at(thread);
  const int64_t at = place.pixel * v.cs + place.channel;
  const Lanes<kWidth> in = Lanes<kWidth>::load(x + at);
  Lanes<kWidth> out;
#pragma unroll
  for (int i = 0; i < kWidth; ++i) {
    const int c = place.channel + i;
    const float a = scale && c < v.c ? __ldg(scale + c) : 1.0f;
    const float b = shift && c < v.c ? __ldg(shift + c) : 0.0f;
    out.value[i] = c < v.c ? fmaf(a, in.value[i], b) : 0.0f;
  }
  out.store(y + at);
}

// sums[0] += gy, sums[1] += gy (x - offset[c]).
struct Gradients {
  const float *x, *gy, *offset;
  int c;

  template <int kWidth>
  __device__ void operator()(int64_t at, int channel, Lanes<kWidth> (&sums)[2]) const {
    const Lanes<kWidth> g = Lanes<kWidth>::load(gy + at), in = Lanes<kWidth>::load(x + at);
#pragma unroll
    for (int i = 0; i < kWidth; ++i) {
      const float shift = offset && channel + i < c ? __ldg(offset + channel + i) : 0.0f;
      sums[0].value[i] += g.value[i];
      sums[1].value[i] = fmaf(g.value[i], in.value[i] - shift, sums[1].value[i]);
    }
  }
};

struct WriteGradients {
  ChannelAffineKernels::ParameterGrads g;
  const float* factor;

  __device__ void operator()(int, int c, const double (&sums)[2]) const {
    const float gshift = static_cast<float>(sums[0]);
    const float gscale = static_cast<float>(sums[1] * (factor ? factor[c] : 1.0f));
    if (g.gshift) g.gshift[c] = (g.accumulate_shift ? g.gshift[c] : 0.0f) + gshift;
    if (g.gscale) g.gscale[c] = (g.accumulate_scale ? g.gscale[c] : 0.0f) + gscale;
  }
};

}  // namespace affine_channels

namespace {

void forward(Exec& e, const View& v, const float* x, const float* scale, const float* shift,
             float* y) {
  const bool wide = v.cs % 4 == 0 && aligned16(x) && aligned16(y);
  launch_groups("channel_affine", e, v, v.cs, wide, affine_channels::forward_kernel<4>,
                affine_channels::forward_kernel<1>, v, x, scale, shift, y);
}

void backward_input(Exec& e, const View& v, const float* gy, const float* scale, float* gx) {
  forward(e, v, gy, scale, nullptr, gx);
}

void backward_parameters(Exec& e, const View& v, const float* x, const float* gy,
                         const float* offset, const float* factor,
                         const ChannelAffineKernels::ParameterGrads& g) {
  const bool wide = v.cs % 4 == 0 && aligned16(x) && aligned16(gy);
  sum_channels<2>("channel_affine_sums", e, 1, v.pixels(), v.c, v.cs, wide,
                  affine_channels::Gradients{x, gy, offset, v.c},
                  affine_channels::WriteGradients{g, factor});
}

}  // namespace

const ChannelAffineKernels channel_affine = {forward, backward_input, backward_parameters};

}  // namespace gsx::kernels::GSX_BACKEND
