// Convolution and transposed convolution of NHWC images with R S C K filters.
//
//   conv: y[n,p,q,k] = bias[k] + sum_{r,s,c} w[r,s,c,k]
//                      * x[n, p*stride.y - top + r*dilation.y, q*stride.x - left + s*dilation.x, c]
//   conv_transpose: y[n, h*stride.y - top + r*dilation.y, w*stride.x - left + s*dilation.x, k]
//                   += x[n,h,w,c] * w[r,s,c,k], plus bias[k]
//
// Pixels outside x are zero, mirrored without repeating the edge (reflect), or those of the edge
// (replicate); the latter two for conv only. All four paddings are separate; a conv_transpose's
// bottom/right padding may be negative (PyTorch's output_padding: bottom = padding -
// output_padding), and positive ones crop.
// With several groups the channels of x and y fall into as many equal parts, and every part of y
// sees the part of x of its number alone.
// Every kernel writes all of its output, padding lanes as zeros. One owner per output element; the
// sum over images is a fixed tree, so results repeat at any thread count.
#pragma once
#include <vector>

#include "kernels/exec.h"
#include "kernels/moments.h"
#include "kernels/quantized.h"
#include "kernels/view.h"

namespace gsx::kernels {

enum class PadMode : uint8_t { zero, reflect, replicate };

// A number for rows and one for columns.
struct PerAxis {
  int y = 1, x = 1;

  constexpr PerAxis(int both) : y(both), x(both) {}
  constexpr PerAxis(int along_y, int along_x) : y(along_y), x(along_x) {}
  friend constexpr bool operator==(const PerAxis&, const PerAxis&) = default;
};

struct ConvShape {
  View x;        // conv: the input; conv_transpose: also its input (the smaller image)
  FilterView w;  // w.c == x.c / groups, w.k output channels
  PerAxis stride = 1;
  int top = 0, bottom = 0, left = 0, right = 0;
  PadMode pad_mode = PadMode::zero;
  bool transposed = false;
  PerAxis dilation = 1;
  int groups = 1;  // divides x.c and w.k

  // Rows and columns that the taps span.
  constexpr int reach_y() const { return (w.r - 1) * dilation.y + 1; }
  constexpr int reach_x() const { return (w.s - 1) * dilation.x + 1; }
  constexpr View y() const {  // the output
    if (transposed) {
      return View::of(x.n, (x.h - 1) * stride.y + reach_y() - top - bottom,
                      (x.w - 1) * stride.x + reach_x() - left - right, w.k);
    }
    return View::of(x.n, (x.h + top + bottom - reach_y()) / stride.y + 1,
                    (x.w + left + right - reach_x()) / stride.x + 1, w.k);
  }
  // x with its border made explicit.
  constexpr View padded_x() const {
    return View::of(x.n, x.h + top + bottom, x.w + left + right, x.c);
  }
  // Whether taps are neighbours, strides alike, channels all joined and borders zero or mirrored:
  // what networks have most of, and what the fastest algorithms are for.
  constexpr bool plain() const {
    return stride.y == stride.x && dilation == PerAxis(1) && groups == 1 &&
           pad_mode != PadMode::replicate;
  }
  // Whether every channel is a group of its own.
  constexpr bool depthwise() const { return groups > 1 && groups == x.c && groups == w.k; }
};

// Exact sums over the pixels of each image and channel, in the device's memory: [n, 3, cs] numbers,
// of the values (two's complement), and the low 32 bits and what is above them of the sum of their
// squares.
struct ExactSums {
  uint64_t* data = nullptr;  // none: not wanted

  static constexpr int64_t size(const View& v) { return int64_t{3} * v.n * v.cs; }
  explicit operator bool() const { return data != nullptr; }
};

struct ConvKernels {
  // bias: k floats or null. y: shape.y(). moments: out, of y, for the norm that follows; may be
  // none. They are summed while y is at hand, as exactly as instance_norm.h's.
  void (*forward)(Exec&, const ConvShape&, const float* x, const float* w, const float* bias,
                  float* y, Moments moments);
  // gx = d<y, gy>/dx.
  void (*backward_input)(Exec&, const ConvShape&, const float* gy, const float* w, float* gx);
  // gw (+)= d<y, gy>/dw; adds when `accumulate`, else overwrites.
  void (*backward_weight)(Exec&, const ConvShape&, const float* x, const float* gy, bool accumulate,
                          float* gw);
  // gbias (+)= sum of gy over images and pixels; k floats.
  void (*backward_bias)(Exec&, const View& gy_view, const float* gy, bool accumulate, float* gbias);
  // Quantised filters w in [-127, 127], laid out like their float twin (padding lanes zero), as
  // forward_quantized reads them, one byte each; all in the host's memory. They serve images of
  // every size: of the shape only the image's size does not count.
  std::vector<int8_t> (*pack_quantized)(const ConvShape&, const int8_t* w);
  void (*unpack_quantized)(const ConvShape&, const int8_t* packed, int8_t* w);
  // Exact integer convolution: x holds quantised values that lie in [-512, 512], w packed ones. y =
  // int32 sums, bias-free. The caller has checked that r*s*w.c*range.most()*127 < 2^31, and < 2^30
  // where the sums of y are wanted, which are overwritten.
  void (*forward_quantized)(Exec&, const ConvShape&, const QuantizedImage& x, const int8_t* packed,
                            int32_t* y, ExactSums sums);
};
extern const ConvKernels cpu_conv;  // both directions: shape.transposed selects

}  // namespace gsx::kernels
