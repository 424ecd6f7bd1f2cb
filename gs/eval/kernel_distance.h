// The kernel distance of two sets of features: the unbiased squared maximum mean discrepancy with
// the kernel (x.y / F + 1)^3, over random subsets. On FID's Inception it is KID.
#pragma once
#include <span>

#include "gs/eval/feature_rows.h"
#include "gs/eval/fid_protocol.h"

namespace gsx {

struct KernelDistance {
  double mean = 0, deviation = 0;  // over subsets; the deviation is that of the population
};

struct SubsetRule {
  int subsets = 100, size = 1000;
  uint32_t seed = 2020;
  bool second_first = false;  // which set's subset is drawn first
};
// As the tool of this protocol does it. size 0: the tool's own; clean_fid shrinks subsets to the
// smaller set.
SubsetRule subset_rule(FidProtocol, int size, int64_t smaller_set);

class KernelDistances {
 public:
  KernelDistances(const FeatureRows& a, const FeatureRows& b);
  // Error where a set has fewer rows than a subset.
  KernelDistance over_subsets(const SubsetRule&) const;
  // Of these rows, at least two each.
  double distance(std::span<const int> of_a, std::span<const int> of_b) const;

 private:
  double sum(const FeatureRows&, const std::vector<double>& kernels, const FeatureRows&,
             std::span<const int> rows, std::span<const int> columns, bool off_diagonal) const;

  const FeatureRows &a_, &b_;         // must outlive this
  std::vector<double> aa_, ab_, bb_;  // kernels of rows with rows, where there are not too many
};

}  // namespace gsx
