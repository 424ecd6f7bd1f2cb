// The Frechet distance of a set of features, where it has few rows, and of its resamples. All of it
// lies in the products of rows with rows, so a resample costs the cube of the number of rows,
// however many features there are.
#pragma once
#include <optional>
#include <span>

#include "gs/eval/feature_rows.h"

namespace gsx {

class RowsFrechet {
 public:
  // From one set of rows to another, or to moments that come from elsewhere.
  RowsFrechet(const FeatureRows& a, const FeatureRows& b);
  RowsFrechet(const FeatureRows& a, const FeatureMoments& b);

  double distance() const;  // of all rows
  // Of these rows of a, and of b where it has rows; any may come several times. Two at least.
  double distance(std::span<const int> of_a, std::span<const int> of_b) const;

 private:
  // Row-major, of rows less b's mean: a with a; a with b, or where b has no rows a covariance(b) a;
  // b with b.
  std::vector<double> aa_, ab_, bb_;
  int a_ = 0, b_ = 0;      // rows; b_ 0: b is given by its moments
  double trace_of_b_ = 0;  // of its covariance, where it is given by that
};

// |mA - mB|^2 + tr(cA) + tr(cB) - 2 tr((cA cB)^(1/2)), rank-deficient covariances included.
double frechet_distance(const FeatureMoments& a, const FeatureMoments& b);
// The same, whichever way is shorter; the means as moments_of has them.
double frechet_distance(const FeatureRows& a, const FeatureRows& b, bool float_mean = false);
double frechet_distance(const FeatureRows& a, const FeatureMoments& b, bool float_mean = false);

}  // namespace gsx
