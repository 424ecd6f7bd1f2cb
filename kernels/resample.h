// Moving pixels and channels: padding and cropping, nearest upsampling, concatenation, and between
// NHWC images and dense NCHW arrays. Copies only, or sums of a few elements in a fixed order.
#pragma once
#include "kernels/conv.h"
#include "kernels/exec.h"
#include "kernels/view.h"

namespace gsx::kernels {

// y[i, j] = x[i - top, j - left]; outside x zero, mirrored without repeating the edge, or the
// edge's pixel. Negative top and left crop (zero mode only).
struct PadShape {
  View x, y;
  int top = 0, left = 0;
  PadMode mode = PadMode::zero;
};

struct ResampleKernels {
  void (*pad)(Exec&, const PadShape&, const float* x, float* y);
  void (*pad_backward)(Exec&, const PadShape&, const float* gy, float* gx);
  // y: [n, h*factor, w*factor, c] with the channel stride of x
  void (*upsample)(Exec&, const View& x_view, int factor, const float* x, float* y);
  void (*upsample_backward)(Exec&, const View& x_view, int factor, const float* gy, float* gx);
  // y's channels [at, at + x.c) = x; y's other channels and padding lanes are left alone.
  void (*insert_channels)(Exec&, const View& x_view, const float* x, const View& y_view, int at,
                          float* y);
  // x = y's channels [at, at + x.c); padding lanes zero.
  void (*extract_channels)(Exec&, const View& y_view, const float* y, int at, const View& x_view,
                           float* x);
  // Between an image and a dense NCHW array.
  void (*to_dense)(Exec&, const View&, const float* image, float* dense);
  void (*from_dense)(Exec&, const View&, const float* dense, float* image);
};
extern const ResampleKernels cpu_resample;

}  // namespace gsx::kernels
