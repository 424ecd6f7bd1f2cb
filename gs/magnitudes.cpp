// A histogram with a growing range; see magnitudes.h.
#include "gs/magnitudes.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"

namespace gsx {

void Magnitudes::cover(float magnitude) {
  GSX_CHECK(std::isfinite(magnitude), "calibrate: activations must be finite, got ", magnitude);
  if (range_ == 0) range_ = magnitude;  // all values so far are 0, in the first bin
  while (magnitude > range_) {
    for (int i = 0; i < kBins / 2; ++i) bins_[i] = bins_[2 * i] + bins_[2 * i + 1];
    std::fill(bins_.begin() + kBins / 2, bins_.end(), 0);
    range_ *= 2;
  }
}

void Magnitudes::add(std::span<const float> values) {
  for (const float v : values) {
    const float magnitude = std::fabs(v);
    if (!(magnitude <= range_)) cover(magnitude);
    largest_ = std::max(largest_, magnitude);
    negative_ += v < 0;
    const int bin = range_ > 0 ? static_cast<int>(magnitude / range_ * kBins) : 0;
    ++bins_[std::min(bin, kBins - 1)];
  }
  count_ += static_cast<int64_t>(values.size());
}

float Magnitudes::quantile(double q) const {
  const double rank = q * static_cast<double>(count_);
  double below = 0;
  for (int i = 0; i < kBins; ++i) {
    const auto here = static_cast<double>(bins_[i]);
    if (here > 0 && below + here >= rank) {
      const double within = (rank - below) / here;
      return std::min(static_cast<float>(range_ * (i + within) / kBins), largest_);
    }
    below += here;
  }
  return largest_;
}

double Magnitudes::negative_share() const {
  return count_ ? static_cast<double>(negative_) / static_cast<double>(count_) : 0;
}

}  // namespace gsx
