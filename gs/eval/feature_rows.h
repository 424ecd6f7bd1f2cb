// Features of images as they came, one row each, and their means and covariances: what Frechet
// distances, KID, the Inception Score and resampling are computed from.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace gsx {

struct FeatureRows {
  int features = 0;
  std::vector<float> values;  // [count, features]

  int64_t count() const;
  std::span<const float> row(int64_t i) const;
  void add(std::span<const float> row);  // Error when it has another number of features
};

// Of every feature. in_floats: summed in single precision, row by row, as numpy does it with
// features in single precision.
std::vector<double> mean_of(const FeatureRows&, bool in_floats = false);

// Mean and covariance (ddof 1) of features, in double.
struct FeatureMoments {
  std::vector<double> mean;        // [F]
  std::vector<double> covariance;  // [F,F]
  int features() const { return static_cast<int>(mean.size()); }
};
// Needs two rows; float_mean as mean_of has it.
FeatureMoments moments_of(const FeatureRows&, bool float_mean = false);

}  // namespace gsx
