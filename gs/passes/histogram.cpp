// A histogram over the leading bits of floats; see histogram.h.
#include "gs/passes/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "engine/error.h"

namespace gsx {

namespace {

constexpr int kDroppedBits = 19;  // of the fraction's 23

int bin_of(float magnitude) {
  return static_cast<int>(std::bit_cast<uint32_t>(magnitude) >> kDroppedBits);
}
// The value in the middle of a bin; the first one's are as good as zero.
double middle_of(int bin) {
  const uint32_t bits = (static_cast<uint32_t>(bin) << kDroppedBits) + (1u << (kDroppedBits - 1));
  return bin == 0 ? 0 : std::bit_cast<float>(bits);
}

}  // namespace

void Magnitudes::add(std::span<const float> values) {
  for (const float v : values) {
    const float magnitude = std::fabs(v);
    GSX_CHECK(std::isfinite(magnitude), "calibrate: activations must be finite, got ", magnitude);
    largest_ = std::max(largest_, magnitude);
    total_ += magnitude;
    negative_ += v < 0;
    ++bins_[bin_of(magnitude)];
  }
  count_ += static_cast<int64_t>(values.size());
}

double Magnitudes::cost(double p, int levels, double clip_weight) const {
  const double step = p / levels, rounding = step * step / 12;
  double sum = 0;
  for (int bin = 0; bin <= bin_of(largest_); ++bin) {
    if (bins_[bin] == 0) continue;
    const double value = std::min<double>(middle_of(bin), largest_), beyond = value - p;
    const double each = beyond > 0         ? clip_weight * beyond * beyond
                        : value < step / 2 ? value * value  // becomes zero
                                           : rounding;
    sum += each * static_cast<double>(bins_[bin]);
  }
  return sum;
}

float Magnitudes::range(int levels, double clip_weight) const {
  constexpr double kFiner = 0.95, kLeast = 0.02;  // ranges tried: a few per cent apart
  double best = largest_, least = std::numeric_limits<double>::infinity();
  for (double p = largest_; p > kLeast * largest_; p *= kFiner) {
    const double c = cost(p, levels, clip_weight);
    if (c >= least) continue;
    least = c;
    best = p;
  }
  return static_cast<float>(best);
}

}  // namespace gsx
