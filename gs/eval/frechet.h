// The Frechet distance between sets of features, on whatever feature network is given, whose name
// it carries. FID is this on FID's Inception and nothing else.
#pragma once
#include <span>

#include "models/graph.h"

namespace gsx {

// Mean and covariance (ddof 1) of rows of features, gathered as they come, in float64.
class FeatureStatistics {
 public:
  void add(std::span<const float> row);
  void add(const Tensor& rows);  // [N,F], or [N,F,1,1]
  int64_t count() const { return count_; }
  int features() const { return static_cast<int>(shift_.size()); }
  std::vector<double> mean() const;        // [F]
  std::vector<double> covariance() const;  // [F,F]; needs two rows

 private:
  int64_t count_ = 0;
  std::vector<double> shift_;    // the first row: sums are of x - shift, so that no digits cancel
  std::vector<double> sum_;      // [F]
  std::vector<double> scatter_;  // [F,F], lower triangle
};

// |mA - mB|^2 + tr(cA) + tr(cB) - 2 tr((cA cB)^(1/2)). Covariances may be rank-deficient.
double frechet_distance(const FeatureStatistics& a, const FeatureStatistics& b);

// The spatial mean of a feature layer for every image [N,C,H,W], given in the network's input
// format: [N,F].
Tensor image_features(const Graph& net, const std::string& layer, const Tensor& images);

// What to call a Frechet distance on these features.
std::string frechet_name(const Graph& net, const std::string& layer);

}  // namespace gsx
