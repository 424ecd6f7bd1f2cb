// How large values are, over more of them than fit in memory, and the range of a grid that suits
// them.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace gsx {

// A histogram of |x| of finite values, sixteen bins to a power of two.
class Magnitudes {
 public:
  void add(std::span<const float> values);
  int64_t count() const { return count_; }
  float largest() const { return largest_; }
  int64_t negative() const { return negative_; }
  // The p for which a grid of steps p / levels up to p costs least: the squares of what rounding
  // moves, and those of what lies beyond p `clip_weight` times. 0 when all values are.
  float range(int levels, double clip_weight) const;
  double mean() const { return count_ ? total_ / static_cast<double>(count_) : 0; }

 private:
  double cost(double p, int levels, double clip_weight) const;
  static constexpr int kBins = 4096;  // the exponent's eight bits and the fraction's first four
  std::vector<int64_t> bins_ = std::vector<int64_t>(kBins, 0);
  float largest_ = 0;
  double total_ = 0;
  int64_t count_ = 0, negative_ = 0;
};

}  // namespace gsx
