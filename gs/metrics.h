// Distances between networks' outputs: Frechet distance of feature sets and LPIPS, both on whatever
// feature network is given, so both carry its name. FID is the former on FID's Inception and
// nothing else.
#pragma once
#include <filesystem>
#include <functional>
#include <optional>
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

// Adds the spatial mean of `tap` for every image [N,C,H,W], given in the network's input format.
void add_features(FeatureStatistics& statistics, const Graph& net, const std::string& tap,
                  const Tensor& images);

// What to call a Frechet distance on these features.
std::string frechet_name(const Graph& net, const std::string& tap);

// LPIPS v0.1: at each of the network's taps features are scaled to unit length over channels;
// squared differences are weighted by a trained head [C], averaged over pixels and summed over
// taps.
class Lpips {
 public:
  // `net` must outlive this; heads[k] belongs to net.taps[k]. Errors when they do not fit.
  Lpips(const Graph& net, std::vector<std::vector<float>> heads);

  // One distance per image pair; a, b [N,3,H,W] in the network's input format. For networks that
  // normalise [0,1] RGB as ImageNet's do this is the published distance.
  std::vector<double> operator()(const Tensor& a, const Tensor& b) const;
  std::string name() const;

 private:
  const Graph* net_;
  std::vector<std::vector<float>> heads_;
};

// The file holding LPIPS heads (lin0.weight, lin1.weight, ...) for a network's weight file: that
// file itself, or the first by name of the safetensors files beside it that has them.
std::optional<std::filesystem::path> find_lpips_heads(const std::filesystem::path& weights);
std::vector<std::vector<float>> load_lpips_heads(const std::filesystem::path& heads);

// LPIPS on `net` by the heads found for its weight file. Heads are found by chance, so those that
// do not fit or cannot be read are a warning; without any there is nothing.
std::optional<Lpips> open_lpips(const Graph& net, const std::filesystem::path& weights,
                                const std::function<void(const std::string&)>& warning);

}  // namespace gsx
