// The Inception Score; see inception_score.h.
#include "gs/eval/inception_score.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "gs/eval/numpy_random.h"

namespace gsx {
namespace {

std::vector<double> log_softmax(std::span<const float> logits) {
  const double top = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float v : logits) sum += std::exp(v - top);
  std::vector<double> result;
  for (const float v : logits) result.push_back(v - top - std::log(sum));
  return result;
}

double score_of(const FeatureRows& logits, std::span<const int> rows) {
  const auto n = static_cast<double>(rows.size());
  std::vector<double> marginal(static_cast<size_t>(logits.features), 0.0);
  double entropy = 0;  // of images, summed, negative
  for (const int row : rows) {
    const std::vector<double> log_p = log_softmax(logits.row(row));
    for (size_t c = 0; c < log_p.size(); ++c) {
      marginal[c] += std::exp(log_p[c]) / n;
      entropy += std::exp(log_p[c]) * log_p[c];
    }
  }
  double together = 0;
  for (const double q : marginal) together += q > 0 ? q * std::log(q) : 0;
  return std::exp(entropy / n - together);
}

}  // namespace

InceptionScore inception_score(const FeatureRows& logits, std::span<const int> order, int splits) {
  const auto n = static_cast<int64_t>(order.size());
  GSX_CHECK(splits >= 1 && n >= splits, "inception_score: ", splits,
            " splits need at least as many images, got ", n);
  std::vector<double> scores;
  for (int64_t i = 0; i < splits; ++i) {
    const auto first = static_cast<size_t>(i * n / splits),
               last = static_cast<size_t>((i + 1) * n / splits);
    scores.push_back(score_of(logits, order.subspan(first, last - first)));
  }
  InceptionScore result;
  for (const double s : scores) result.mean += s / splits;
  double squares = 0;
  for (const double s : scores) squares += (s - result.mean) * (s - result.mean);
  result.deviation = std::sqrt(squares / splits);
  return result;
}

std::vector<int> score_order(int64_t n) {
  constexpr uint32_t kSeed = 2020;
  return NumpyRandom(kSeed).permutation(static_cast<int>(n));
}

}  // namespace gsx
