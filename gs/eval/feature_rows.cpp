// Rows of features and their moments; see feature_rows.h.
#include "gs/eval/feature_rows.h"

#include <Eigen/Dense>

#include "engine/error.h"

namespace gsx {

namespace {

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

}  // namespace

int64_t FeatureRows::count() const {
  return features > 0 ? static_cast<int64_t>(values.size()) / features : 0;
}

std::span<const float> FeatureRows::row(int64_t i) const {
  return std::span(values).subspan(static_cast<size_t>(i * features),
                                   static_cast<size_t>(features));
}

void FeatureRows::add(std::span<const float> row) {
  if (values.empty()) features = static_cast<int>(row.size());
  GSX_CHECK(static_cast<int>(row.size()) == features, "feature rows: a row must have ", features,
            " features as the rows before it, got ", row.size());
  values.insert(values.end(), row.begin(), row.end());
}

std::vector<double> mean_of(const FeatureRows& rows, bool in_floats) {
  const auto width = static_cast<size_t>(rows.features);
  const auto sum = [&](auto total) {
    for (size_t i = 0; i < rows.values.size(); ++i) total[i % width] += rows.values[i];
    for (auto& t : total) t /= static_cast<std::decay_t<decltype(t)>>(rows.count());
    return std::vector<double>(total.begin(), total.end());
  };
  return in_floats ? sum(std::vector<float>(width)) : sum(std::vector<double>(width));
}

FeatureMoments moments_of(const FeatureRows& rows, bool float_mean) {
  using Floats = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const int64_t n = rows.count();
  GSX_CHECK(n >= 2, "feature rows: a covariance needs at least 2 rows, got ", n);
  const std::vector<double> mean = mean_of(rows);
  RowMajor x = Eigen::Map<const Floats>(rows.values.data(), n, rows.features).cast<double>();
  x.rowwise() -= Eigen::Map<const Eigen::VectorXd>(mean.data(), rows.features).transpose();
  RowMajor covariance = RowMajor::Zero(rows.features, rows.features);
  covariance.selfadjointView<Eigen::Lower>().rankUpdate(x.transpose(),
                                                        1.0 / static_cast<double>(n - 1));
  covariance = RowMajor(covariance.selfadjointView<Eigen::Lower>());
  return {float_mean ? mean_of(rows, true) : mean,
          {covariance.data(), covariance.data() + covariance.size()}};
}

}  // namespace gsx
