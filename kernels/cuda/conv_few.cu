// Correlations with at most four output channels (RGB results, patch scores, gradients of photos).
//
// A tile of a matrix product would be mostly empty. Here eight lanes share four pixels and split
// the contraction between them: together they read 128 bytes of a pixel at a time and keep kOutputs
// sums per pixel each; the filter waits in shared memory, one row of contraction per output
// channel.
#include "kernels/cuda/conv_lanes.h"
#include "kernels/cuda/conv_launch.h"

namespace gsx::kernels::GSX_BACKEND::convolution {
namespace few {

constexpr int kThreads = 256, kLanes = 8, kPixels = 4;
constexpr int kBlockPixels = kThreads / kLanes * kPixels;
constexpr int kFilterFloats = 8192;  // of shared memory: a share of the contraction

struct Params {
  FloatCorrelation c;
  int channel_stride = 0, output_stride = 0;  // elements of the filter between neighbours
  int channels = 0;                           // contraction channels that have a filter
};

struct Shared {
  alignas(16) float w[kFilterFloats];
};

// Fills shared.w[o][unit * kWidth + i] for units first .. first + count - 1 of the contraction.
template <int kOutputs, int kWidth, int kUnits>
__device__ void stage_filter(const Params& p, const Phase& phase, int first, int count,
                             Shared& shared) {
  const int channels = p.c.in.cs;
  for (int at = static_cast<int>(threadIdx.x); at < count * kWidth; at += kThreads) {
    const TapCursor t = TapCursor::at(first * kWidth + at, channels, phase.x.taps);
    const int r = phase.y.tap0 + t.ty * phase.y.tap_step;
    const int s = phase.x.tap0 + t.tx * phase.x.tap_step;
    const float* w = p.c.w.row(r, s, 0) + static_cast<int64_t>(t.ch) * p.channel_stride;
#pragma unroll
    for (int o = 0; o < kOutputs; ++o) {
      shared.w[o * kUnits * kWidth + at] =
          t.ch < p.channels ? __ldg(w + static_cast<int64_t>(o) * p.output_stride) : 0.0f;
    }
  }
}

// The four pixels of a thread: where their windows begin.
struct Windows {
  int top[kPixels], y[kPixels], x[kPixels];  // top < 0: no pixel
  bool inside = true;                        // none of them touches the border

  __device__ Windows(const Params& p, const Phase& phase, int first) {
#pragma unroll
    for (int i = 0; i < kPixels; ++i) {
      const Place at = phase.place(first + i);
      top[i] = first + i < phase.outputs ? at.image * p.c.in.h : -1;
      y[i] = phase.y.in0 + at.y * phase.y.in_step;
      x[i] = phase.x.in0 + at.x * phase.x.in_step;
      inside = inside && top[i] >= 0 && p.c.in.holds(y[i], x[i], phase.y.taps, phase.x.taps);
    }
  }
};

// Adds a share of the contraction: the units first, first + 8, ... of `count`, the first at tap t.
// Windows inside the image need no checks, which are most of the work otherwise.
template <bool kInside, int kOutputs, int kWidth, int kUnits>
__device__ void add_share(const Params& p, int taps_x, const Windows& windows, TapCursor t,
                          int first, int count, const Shared& shared,
                          float (&sum)[kPixels][kOutputs]) {
  const Input<float>& in = p.c.in;
  int corner[kPixels];
#pragma unroll
  for (int i = 0; i < kPixels; ++i) {
    corner[i] = (windows.top[i] + windows.y[i]) * in.w + windows.x[i];
  }
  for (int u = first; u < count; u += kLanes) {
    Lanes<kWidth> x[kPixels];
    const int tap = t.ty * in.w + t.tx;
#pragma unroll
    for (int i = 0; i < kPixels; ++i) {
      if constexpr (kInside) {
        const float* from = in.data + static_cast<int64_t>(corner[i] + tap) * in.cs;
        x[i] = Lanes<kWidth>::load(from + t.ch);
      } else {
        bool valid = windows.top[i] >= 0;
        const float* from =
            in.pixel(windows.top[i], windows.y[i] + t.ty, windows.x[i] + t.tx, valid);
        if (valid) x[i] = Lanes<kWidth>::load(from + t.ch);
      }
    }
#pragma unroll
    for (int o = 0; o < kOutputs; ++o) {
      const auto w = Lanes<kWidth>::load(&shared.w[(o * kUnits + u) * kWidth]);
#pragma unroll
      for (int i = 0; i < kPixels; ++i) {
#pragma unroll
        for (int c = 0; c < kWidth; ++c) sum[i][o] = fmaf(x[i].value[c], w.value[c], sum[i][o]);
      }
    }
    t.advance(kLanes * kWidth, in.cs, taps_x);
  }
}

// The sums of eight lanes, in all of them.
template <int kOutputs>
__device__ void add_lanes(float (&sum)[kPixels][kOutputs]) {
#pragma unroll
  for (int i = 0; i < kPixels; ++i) {
#pragma unroll
    for (int o = 0; o < kOutputs; ++o) {
#pragma unroll
      for (int mask = kLanes / 2; mask > 0; mask /= 2) {
        sum[i][o] += __shfl_xor_sync(0xffffffffu, sum[i][o], mask);
      }
    }
  }
}

template <int kOutputs>
__device__ void store(const Params& p, const Phase& phase, int first, int lane,
                      const float (&sum)[kPixels][kOutputs]) {
#pragma unroll
  for (int i = 0; i < kPixels; ++i) {
    if (lane != i || first + i >= phase.outputs) continue;
    const Place at = phase.place(first + i);
    float* out = p.c.out.pixel(at.image, phase.y.out0 + at.y * phase.y.out_step,
                               phase.x.out0 + at.x * phase.x.out_step);
#pragma unroll
    for (int o = 0; o < kOutputs; ++o) out[o] = sum[i][o] + (p.c.bias ? p.c.bias[o] : 0.0f);
  }
}

// Lane l of eight takes units l, l + 8, ... of the contraction, kWidth channels each.
template <int kOutputs, int kWidth>
__global__ void __launch_bounds__(kThreads, 2) few_outputs_kernel(const Params p) {
  constexpr int kUnits = kFilterFloats / (kOutputs * kWidth) / kLanes * kLanes;  // of one share
  auto& shared = gpu::dynamic_shared<Shared>();
  const int thread = static_cast<int>(threadIdx.x), lane = thread % kLanes;
  const int block = static_cast<int>(blockIdx.x);
  const Phase phase = p.c.plan.phase(block / p.c.tiles_m);
  const int block_first = block % p.c.tiles_m * kBlockPixels;
  if (block_first >= phase.outputs) return;
  const int first = block_first + thread / kLanes * kPixels;
  const Windows windows(p, phase, first);
  const int units = phase.y.taps * phase.x.taps * p.c.in.cs / kWidth;
  float sum[kPixels][kOutputs] = {};
  for (int begin = 0; begin < units; begin += kUnits) {
    const int count = units - begin < kUnits ? units - begin : kUnits;
    __syncthreads();  // nobody still reads the previous share
    stage_filter<kOutputs, kWidth, kUnits>(p, phase, begin, count, shared);
    __syncthreads();
    const TapCursor t = TapCursor::at((begin + lane) * kWidth, p.c.in.cs, phase.x.taps);
    if (windows.inside) {
      add_share<true, kOutputs, kWidth, kUnits>(p, phase.x.taps, windows, t, lane, count, shared,
                                                sum);
    } else {
      add_share<false, kOutputs, kWidth, kUnits>(p, phase.x.taps, windows, t, lane, count, shared,
                                                 sum);
    }
  }
  add_lanes(sum);
  store(p, phase, first, lane, sum);
}

template <int kOutputs>
void launch_few(Exec& e, const Params& p) {
  const bool vector = p.c.in.cs % 4 == 0;
  launch_blocks("conv_few_outputs",
                vector ? few_outputs_kernel<kOutputs, 4> : few_outputs_kernel<kOutputs, 1>,
                p.c.blocks(), kThreads, sizeof(Shared), e, p);
}

}  // namespace few

void correlate_few_outputs(Exec& e, const FloatCorrelation& c) {
  few::Params p;
  p.c = c;
  p.c.tiles_m = tiles(c.plan.outputs(), few::kBlockPixels);
  p.c.tiles_n = 1;
  p.channel_stride = c.swapped ? 1 : c.w.ks;
  p.output_stride = c.swapped ? c.w.ks : 1;
  p.channels = c.swapped ? c.w.k : c.w.c;
  switch (c.out.c) {
    case 1: return few::launch_few<1>(e, p);
    case 2: return few::launch_few<2>(e, p);
    case 3: return few::launch_few<3>(e, p);
    default: return few::launch_few<4>(e, p);
  }
}

}  // namespace gsx::kernels::GSX_BACKEND::convolution
