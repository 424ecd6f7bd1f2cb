// Convolutions of any geometry: strides and dilations of their own along each axis, groups, every
// kind of border. What conv_launch.h offers is faster where it applies.
#pragma once
#include "gpu.h"
#include "kernels/conv.h"

namespace gsx::kernels::GSX_BACKEND::convolution {

// y = the sums, + bias if not null; sums of quantised values are exact.
void general_forward(Exec&, const ConvShape&, const float* x, const float* w, const float* bias,
                     float* y);
void general_quantized(Exec&, const ConvShape&, const int16_t* x, const int8_t* w, int32_t* y);
void general_backward_input(Exec&, const ConvShape&, const float* gy, const float* w, float* gx);
void general_backward_weight(Exec&, const ConvShape&, const float* x, const float* gy,
                             bool accumulate, float* gw);

// One axis: which input position tap `tap` of output `out` meets.
struct TapAxis {
  int before, stride, dilation, size;
  PadMode mode;
  bool spread;

  // -1: none, or one that shows zero.
  __device__ __forceinline__ int source(int out, int tap) const {
    if (spread) {
      const int at = out + before - tap * dilation;
      const int from = at / stride;
      return at >= 0 && from * stride == at && from < size ? from : -1;
    }
    const int at = out * stride - before + tap * dilation;
    if (static_cast<unsigned>(at) < static_cast<unsigned>(size)) return at;
    if (mode == PadMode::zero) return -1;
    if (mode == PadMode::replicate) return at < 0 ? 0 : size - 1;
    return at < 0 ? -at : 2 * size - 2 - at;
  }
};

// A pass from `in` to `out`. Not swapped, filters are read as they lie, from their input channels
// to their output channels; swapped, the other way.
struct GeneralPass {
  TapAxis rows, columns;
  View in, out;
  FilterView f;
  int ins, outs;  // channels of a group
  bool swapped;

  static GeneralPass of(const ConvShape& s, const View& in, const View& out, bool spread,
                        bool swapped) {
    GeneralPass p;
    p.rows = {s.top, s.stride.y, s.dilation.y, in.h, s.pad_mode, spread};
    p.columns = {s.left, s.stride.x, s.dilation.x, in.w, s.pad_mode, spread};
    p.in = in;
    p.out = out;
    p.f = s.w;
    p.ins = in.c / s.groups;
    p.outs = out.c / s.groups;
    p.swapped = swapped;
    return p;
  }
  bool depthwise() const { return ins == 1 && outs == 1; }
};

// The same for passes where every channel is a group.
void depthwise_correlate(Exec&, const GeneralPass&, const float* x, const float* w,
                         const float* bias, float* y);

}  // namespace gsx::kernels::GSX_BACKEND::convolution
