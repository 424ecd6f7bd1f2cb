// The measure of painted stripes; see procedural.h.
#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "engine/io/procedural.h"

namespace gsx {

namespace {

// Mean square of the band on striped images of 64 x 64 (seed 1, the first 400), the unit of the
// result.
constexpr double kStripedEnergy = 2900;

struct Plane {
  int width, height;
  std::vector<double> v;
  double at(int x, int y) const { return v[static_cast<size_t>(y) * width + x]; }
};

// Sums over the (2r+1)^2 box around each pixel, cut at the border.
Plane box_sums(const Plane& in, int r) {
  Plane rows = in, out = in;
  for (int y = 0; y < in.height; ++y)
    for (int x = 0; x < in.width; ++x) {
      double sum = 0;
      for (int i = std::max(0, x - r); i <= std::min(in.width - 1, x + r); ++i) sum += in.at(i, y);
      rows.v[static_cast<size_t>(y) * in.width + x] = sum;
    }
  for (int y = 0; y < in.height; ++y)
    for (int x = 0; x < in.width; ++x) {
      double sum = 0;
      for (int i = std::max(0, y - r); i <= std::min(in.height - 1, y + r); ++i)
        sum += rows.at(x, i);
      out.v[static_cast<size_t>(y) * in.width + x] = sum;
    }
  return out;
}

}  // namespace

double stripe_energy(const Image& image, std::span<const uint8_t> mask) {
  const int w = image.width, h = image.height;
  GSX_CHECK(w > 0 && h > 0 && mask.size() == static_cast<size_t>(w) * h,
            "stripe_energy: the mask must have ", w, " x ", h, " bytes, got ", mask.size());
  // Radii in pixels grow with the image as the stripes do.
  const auto radius = [&](double at_64) {
    return static_cast<int>(std::lround(at_64 * std::min(w, h) / 64));
  };
  const int outline = std::max(1, radius(2)), fine = radius(0.9), coarse = std::max(1, radius(5));

  // Inside: pixels whose whole neighbourhood of the outline's width is animal.
  Plane animal{w, h, std::vector<double>(mask.size())};
  for (size_t i = 0; i < mask.size(); ++i) animal.v[i] = mask[i] ? 1 : 0;
  Plane inside = box_sums(animal, outline);
  const double full = (2.0 * outline + 1) * (2 * outline + 1);
  for (double& v : inside.v) v = v == full ? 1 : 0;

  // The band: a little smoothed minus much smoothed, both over the inside only, so that the
  // background does not leak in.
  Plane luminance = inside;
  for (size_t i = 0; i < mask.size(); ++i)
    luminance.v[i] *=
        0.299 * image.rgb[3 * i] + 0.587 * image.rgb[3 * i + 1] + 0.114 * image.rgb[3 * i + 2];
  const Plane fine_sum = box_sums(luminance, fine), fine_count = box_sums(inside, fine);
  const Plane coarse_sum = box_sums(luminance, coarse), coarse_count = box_sums(inside, coarse);
  double energy = 0, pixels = 0;
  for (size_t i = 0; i < mask.size(); ++i) {
    if (inside.v[i] == 0) continue;
    const double band = fine_sum.v[i] / fine_count.v[i] - coarse_sum.v[i] / coarse_count.v[i];
    energy += band * band;
    pixels += 1;
  }
  return pixels == 0 ? 0 : energy / pixels / kStripedEnergy;
}

}  // namespace gsx
