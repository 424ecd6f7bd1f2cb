// Conversions between image formats; see images.h.
#include "gs/images.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace gsx {

Tensor convert_images(const Tensor& x, const ImageFormat& from, const ImageFormat& to) {
  Tensor y = x;
  if (from.bgr != to.bgr) {
    GSX_CHECK(x.shape().rank() == 4 && x.dim(1) == 3,
              "convert_images: x must have 3 channels to swap red and blue, got ", x.shape());
    const std::array<float, 9> swap = {0, 0, 1, 0, 1, 0, 1, 0, 0};
    y = conv2d(y, Tensor::from(x.context(), swap, {3, 3, 1, 1}, Layout::filter), {});
  }
  if (from.lo == to.lo && from.hi == to.hi) return y;
  const double scale = (double(to.hi) - to.lo) / (double(from.hi) - from.lo);
  return affine(y, static_cast<float>(scale), static_cast<float>(to.lo - from.lo * scale));
}

Tensor enlarged(const Tensor& x, int64_t scale) {
  if (scale == 1) return x;
  ResizeOptions o;
  o.rule = {ResizeMode::linear, ResizeCoordinates::half_pixel};
  o.height = scale * x.dim(2);
  o.width = scale * x.dim(3);
  return resize(x, o);
}

Tensor clip_images(const Tensor& x, const ImageFormat& format) {
  std::vector<float> values = x.to_vector();
  for (float& v : values) v = std::clamp(v, format.lo, format.hi);
  return Tensor::from(x.context(), values, x.shape());
}

ImageDifference image_difference(const Tensor& a, const Tensor& b, const ImageFormat& format) {
  GSX_CHECK(a.shape() == b.shape(), "image_difference: both batches must have one shape, got ",
            a.shape(), " and ", b.shape());
  const std::vector<float> va = a.to_vector(), vb = b.to_vector();
  const double levels = 255 / (double(format.hi) - format.lo);
  double abs_sum = 0, square_sum = 0;
  for (size_t i = 0; i < va.size(); ++i) {
    const double d = levels * (double(std::clamp(va[i], format.lo, format.hi)) -
                               std::clamp(vb[i], format.lo, format.hi));
    abs_sum += std::abs(d);
    square_sum += d * d;
  }
  const double n = static_cast<double>(va.size());
  const double psnr = square_sum > 0 ? 10 * std::log10(255 * 255 / (square_sum / n))
                                     : std::numeric_limits<double>::infinity();
  return {abs_sum / n, psnr};
}

}  // namespace gsx
