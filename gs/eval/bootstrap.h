// How far an estimate moves when the images it was made of are drawn anew from themselves.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace gsx {

// Of 95 %.
struct Interval {
  double low = 0, high = 0;
};

struct BootstrapOptions {
  int resamples = 100;
  uint64_t seed = 1;
};

// The spread of `statistic` over resamples of images 0 .. n-1 of each set, as many as there are,
// with repetitions; laid about the estimate. It is about the estimate that it lies, not about the
// resamples' mean: sets in which images repeat are of lower rank, so the Frechet and kernel
// distances of all of them lie above that of the images themselves. Equal options draw equal
// resamples, so that intervals of several models on the same images can be compared.
Interval bootstrap(double estimate, std::span<const int64_t> sets,
                   const std::function<double(const std::vector<std::vector<int>>&)>& statistic,
                   const BootstrapOptions&);

// Of the mean of values.
Interval bootstrap_mean(std::span<const double> values, const BootstrapOptions&);

}  // namespace gsx
