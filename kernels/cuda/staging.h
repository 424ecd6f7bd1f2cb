// What a library of convolutions needs around its calls: images with their border written out, BF16
// copies, and filters in its order. See cudnn_conv.cu.
#pragma once
#include <cstdint>

#include "kernels/conv.h"

namespace gsx::kernels::GSX_BACKEND::staging {

using Bf16 = uint16_t;  // the upper half of a float

// How image `inner` lies in `outer`, which has the same channels: outer pixel (top + i, left + j)
// is inner pixel (i, j). Where outer is larger it holds zeros or, with `reflect`, the mirrored
// inner.
struct Frame {
  View inner, outer;
  int top = 0, left = 0;
  bool reflect = false;

  static Frame none(const View& v) { return {v, v}; }
};

// outer = inner with its border. T: float or Bf16.
template <class T>
void widen(Exec&, const Frame&, const float* inner, T* outer);

// The adjoint: inner[i] = sum of all outer pixels that show i (zero where there is none), plus
// bias[c] unless that is null. Inner may be outer where the frame is none.
template <class T>
void narrow(Exec&, const Frame&, const T* outer, const float* bias, float* inner);

// Our filter r s c k and the library's, which is the smaller image's channels, r, s, the larger
// one's; padding lanes are zeros in both.
template <class T>
void filter_out(Exec&, const ConvShape&, const float* w, T* library);
template <class T>
void filter_in(Exec&, const ConvShape&, const T* library, bool accumulate, float* gw);

}  // namespace gsx::kernels::GSX_BACKEND::staging
