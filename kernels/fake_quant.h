// Fake quantisation: values rounded to a grid but kept as floats.
//   activations: y = scale * clamp(round_half_even(clamp(x) * inverse), lo, hi); gx = gy inside the
//   clamp weights:     y = s * round_half_even(w / s), s = max|w| / levels, per output channel or
//   over all
#pragma once
#include "kernels/exec.h"
#include "kernels/scalar.h"

namespace gsx::kernels {

// Weights as [outer, ks, inner] of which k channels count: element (o, k, i) is at (o*ks + k)*inner
// + i. Filters: outer = taps * inputs, inner = 1. Dense [O, F]: outer = 1, inner = F.
struct ChannelBlocks {
  int64_t outer = 1, k = 0, ks = 0, inner = 1;

  constexpr int64_t size() const { return outer * ks * inner; }
};

struct FakeQuantKernels {
  // n counts padding lanes too (zero is a fixed point of every grid).
  void (*forward)(Exec&, int64_t n, const Quantizer&, const float* x, float* y);
  void (*backward)(Exec&, int64_t n, const Quantizer&, const float* x, const float* gy, float* gx);
  // scales: k floats when per_channel, else one.
  void (*weight_scales)(Exec&, const ChannelBlocks&, float levels, bool per_channel, const float* w,
                        float* scales);
  void (*weight_forward)(Exec&, const ChannelBlocks&, bool per_channel, const float* w,
                         const float* scales, float* y);
};
extern const FakeQuantKernels cpu_fake_quant;

}  // namespace gsx::kernels
