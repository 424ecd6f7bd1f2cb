// The Inception Score of a set of images from their 1008 logits without bias, as torch-fidelity and
// the TensorFlow network of 2015 have it.
#pragma once
#include <span>

#include "gs/eval/feature_rows.h"

namespace gsx {

struct InceptionScore {
  double mean = 0, deviation = 0;  // over splits; the deviation is that of the population
};
inline constexpr int kScoreSplits = 10;

// exp of the mean divergence of each image's classes from those of its split. Rows are taken in
// this order; split i is rows i n / splits to (i + 1) n / splits. Error where there are fewer rows
// than splits.
InceptionScore inception_score(const FeatureRows& logits, std::span<const int> order,
                               int splits = kScoreSplits);
// The order that torch-fidelity shuffles n images into.
std::vector<int> score_order(int64_t n);

}  // namespace gsx
