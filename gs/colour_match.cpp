// Linear colour matching; see colour_match.h.
#include "gs/colour_match.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

#include "engine/error.h"

namespace gsx {
namespace {

struct Colours {
  Eigen::Vector3d mean = Eigen::Vector3d::Zero();
  Eigen::Matrix3d covariance = Eigen::Matrix3d::Zero();
};

Eigen::Vector3d colour_at(const Image& image, size_t pixel) {
  const uint8_t* at = &image.rgb[3 * pixel];
  return {double(at[0]), double(at[1]), double(at[2])};
}

Colours colours_of(const Image& image) {
  const size_t pixels = image.rgb.size() / 3;
  GSX_CHECK(pixels > 0, "match_colours: an image must have pixels");
  Colours c;
  for (size_t i = 0; i < pixels; ++i) c.mean += colour_at(image, i);
  c.mean /= static_cast<double>(pixels);
  for (size_t i = 0; i < pixels; ++i) {
    const Eigen::Vector3d d = colour_at(image, i) - c.mean;
    c.covariance += d * d.transpose();
  }
  c.covariance /= static_cast<double>(pixels);
  return c;
}

// m^power for a symmetric m, power 1/2 or -1/2.
Eigen::Matrix3d symmetric_power(const Eigen::Matrix3d& m, double power) {
  constexpr double kNone = 1e-6;  // grey levels squared: less than rounding to 8 bits makes
  const Eigen::SelfAdjointEigenSolver<Eigen::Matrix3d> solver(m);
  Eigen::Vector3d roots;
  for (int i = 0; i < 3; ++i) {
    const double value = solver.eigenvalues()(i);
    roots(i) = value > kNone ? std::pow(value, power) : 0.0;
  }
  return solver.eigenvectors() * roots.asDiagonal() * solver.eigenvectors().transpose();
}

}  // namespace

Image match_colours(const Image& image, const Image& reference) {
  const Colours from = colours_of(image), to = colours_of(reference);
  const Eigen::Matrix3d a =
      symmetric_power(to.covariance, 0.5) * symmetric_power(from.covariance, -0.5);
  Image result(image.width, image.height);
  for (size_t i = 0; i < image.rgb.size() / 3; ++i) {
    const Eigen::Vector3d x = a * (colour_at(image, i) - from.mean) + to.mean;
    for (int c = 0; c < 3; ++c)
      result.rgb[3 * i + static_cast<size_t>(c)] =
          static_cast<uint8_t>(std::lround(std::clamp(x(c), 0.0, 255.0)));
  }
  return result;
}

}  // namespace gsx
