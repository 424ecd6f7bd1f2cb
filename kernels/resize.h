// Resizing images to any size, by the nearest pixel or bilinearly, in the coordinate conventions of
// ONNX's Resize (and so of PyTorch and TensorFlow). Where a result reads is computed in double from
// its position alone, the same on every device; beyond the border the edge repeats.
#pragma once
#include "kernels/exec.h"
#include "kernels/view.h"

namespace gsx::kernels {

enum class ResizeMode : uint8_t { nearest, linear };

// Where result i lies on the axis it was made from, whose pixels are at 0, 1, 2, ...
//   asymmetric: i / scale      half_pixel: (i + 0.5) / scale - 0.5
//   pytorch_half_pixel: half_pixel, but 0 where there is one result
//   align_corners: i (in - 1) / (out - 1), and 0 where there is one result
enum class ResizeCoordinates : uint8_t {
  asymmetric,
  half_pixel,
  pytorch_half_pixel,
  align_corners
};

// How `nearest` rounds; the first two differ at halves.
enum class ResizeRounding : uint8_t { round_prefer_floor, round_prefer_ceil, floor, ceil };

struct ResizeRule {
  ResizeMode mode = ResizeMode::nearest;
  ResizeCoordinates coordinates = ResizeCoordinates::asymmetric;
  ResizeRounding rounding = ResizeRounding::floor;
};

struct ResizeShape {
  View x, y;
  double scale_h = 1, scale_w = 1;  // results per pixel; need not be y.h / x.h exactly
  ResizeRule rule;
};

struct ResizeKernels {
  void (*forward)(Exec&, const ResizeShape&, const float* x, float* y);
  void (*backward)(Exec&, const ResizeShape&, const float* gy, float* gx);
};
extern const ResizeKernels cpu_resize;

}  // namespace gsx::kernels
