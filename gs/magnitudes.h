// Quantiles of |x| over more values than fit in memory.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace gsx {

// A histogram of |x| whose range doubles when a value lies beyond it. Values must be finite.
class Magnitudes {
 public:
  void add(std::span<const float> values);
  int64_t count() const { return count_; }
  // The value that a share q of all |x| does not exceed, to a few thousandths of the largest.
  float quantile(double q) const;
  double negative_share() const;

 private:
  void cover(float magnitude);
  static constexpr int kBins = 16384;
  std::vector<int64_t> bins_ = std::vector<int64_t>(kBins, 0);
  float range_ = 0;  // bins cover [0, range_]
  float largest_ = 0;
  int64_t count_ = 0, negative_ = 0;
};

}  // namespace gsx
