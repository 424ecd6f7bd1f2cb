// Resampling; see bootstrap.h.
#include "gs/eval/bootstrap.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "engine/random.h"

namespace gsx {
namespace {

// Linear between neighbours; `values` ascend.
double quantile(const std::vector<double>& values, double q) {
  const double at = q * static_cast<double>(values.size() - 1);
  const auto below = static_cast<size_t>(at);
  const size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (at - static_cast<double>(below)) * (values[above] - values[below]);
}

}  // namespace

Interval bootstrap(double estimate, std::span<const int64_t> sets,
                   const std::function<double(const std::vector<std::vector<int>>&)>& statistic,
                   const BootstrapOptions& options) {
  GSX_CHECK(options.resamples >= 2, "bootstrap: an interval needs at least 2 resamples, got ",
            options.resamples);
  std::vector<double> values;
  double sum = 0;
  for (int r = 0; r < options.resamples; ++r) {
    std::vector<std::vector<int>> drawn;
    for (size_t s = 0; s < sets.size(); ++s) {
      GSX_CHECK(sets[s] >= 1, "bootstrap: set ", s, " is empty");
      Rng rng(options.seed, static_cast<uint64_t>(r) << 8 | s);
      std::vector<int> indices;
      for (int64_t i = 0; i < sets[s]; ++i) indices.push_back(static_cast<int>(rng.below(sets[s])));
      drawn.push_back(std::move(indices));
    }
    values.push_back(statistic(drawn));
    sum += values.back();
  }
  std::sort(values.begin(), values.end());
  const double shift = estimate - sum / options.resamples;
  return {quantile(values, 0.025) + shift, quantile(values, 0.975) + shift};
}

Interval bootstrap_mean(std::span<const double> values, const BootstrapOptions& options) {
  const auto n = static_cast<int64_t>(values.size());
  double mean = 0;
  for (const double v : values) mean += v / static_cast<double>(n);
  const auto resampled = [&](const std::vector<std::vector<int>>& drawn) {
    double sum = 0;
    for (const int i : drawn[0]) sum += values[static_cast<size_t>(i)];
    return sum / static_cast<double>(n);
  };
  return bootstrap(mean, std::span(&n, 1), resampled, options);
}

}  // namespace gsx
