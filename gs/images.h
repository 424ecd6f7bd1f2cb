// Images between networks: value ranges and channel orders, and how far two images are apart.
#pragma once
#include "models/graph.h"

namespace gsx {

// The format everything but generators speaks: RGB in -1..1.
inline constexpr ImageFormat kImageFormat = {-1, 1, false};

// Images x [N,3,H,W] (or one channel: bgr must agree) of one format in another. Differentiable.
Tensor convert_images(const Tensor& x, const ImageFormat& from, const ImageFormat& to);

// Images x [N,C,H,W] a whole number of times as large, bilinearly. Differentiable.
Tensor enlarged(const Tensor& x, int64_t scale);

// Values outside the format's black and white moved to them. No gradient.
Tensor clip_images(const Tensor& x, const ImageFormat& format);

// Images [N,3,S,S] in image format (RGB, -1..1), and per image the name of its file and what
// was done to it.
struct ImageBatch {
  Tensor images;
  std::vector<std::string> keys;  // an empty one comes only once
  Tensor second = {};  // [N,F], drawn for networks of two inputs; undefined: nothing is drawn
};

// How far apart two batches of images of one format are, both clipped first, as people see them.
struct ImageDifference {
  double mean_abs = 0;  // in grey levels of 0..255
  double psnr = 0;      // in dB over all values; infinite for equal images
};
ImageDifference image_difference(const Tensor& a, const Tensor& b, const ImageFormat& format);

}  // namespace gsx
