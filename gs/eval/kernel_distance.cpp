// Kernel distances over subsets of rows; see kernel_distance.h.
#include "gs/eval/kernel_distance.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "gs/eval/numpy_random.h"

namespace gsx {
namespace {

constexpr int64_t kKernelsKept = 4000;  // rows of a set whose kernels are all kept: 128 MB a matrix

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

RowMajor chosen_rows(const FeatureRows& rows, std::span<const int> of) {
  RowMajor m(of.size(), rows.features);
  for (size_t i = 0; i < of.size(); ++i) {
    const std::span<const float> row = rows.row(of[i]);
    for (int f = 0; f < rows.features; ++f) m(static_cast<Eigen::Index>(i), f) = row[f];
  }
  return m;
}

RowMajor all_rows(const FeatureRows& rows) {
  using Floats = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  return Eigen::Map<const Floats>(rows.values.data(), rows.count(), rows.features).cast<double>();
}

RowMajor kernels_of(const RowMajor& x, const RowMajor& y) {
  const RowMajor dots = x * y.transpose() / static_cast<double>(x.cols());
  return (dots.array() + 1).cube().matrix();
}

std::vector<double> stored_kernels(const RowMajor& m) { return {m.data(), m.data() + m.size()}; }

}  // namespace

SubsetRule subset_rule(FidProtocol protocol, int size, int64_t smaller_set) {
  SubsetRule rule;
  if (size > 0) rule.size = size;
  if (protocol == FidProtocol::clean_fid) {
    rule.size = static_cast<int>(std::min<int64_t>(rule.size, smaller_set));
    rule.second_first = true;
  }
  return rule;
}

KernelDistances::KernelDistances(const FeatureRows& a, const FeatureRows& b) : a_(a), b_(b) {
  GSX_CHECK(a.features == b.features, "kernel_distance: both sets must have as many features, got ",
            a.features, " and ", b.features);
  if (std::max(a.count(), b.count()) > kKernelsKept) return;
  const RowMajor x = all_rows(a), y = all_rows(b);
  aa_ = stored_kernels(kernels_of(x, x));
  ab_ = stored_kernels(kernels_of(x, y));
  bb_ = stored_kernels(kernels_of(y, y));
}

double KernelDistances::sum(const FeatureRows& x, const std::vector<double>& known,
                            const FeatureRows& y, std::span<const int> rows,
                            std::span<const int> columns, bool off_diagonal) const {
  if (known.empty()) {
    const RowMajor k = kernels_of(chosen_rows(x, rows), chosen_rows(y, columns));
    return k.sum() - (off_diagonal ? k.trace() : 0);
  }
  double total = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    const double* line = &known[static_cast<size_t>(rows[i] * y.count())];
    for (size_t j = 0; j < columns.size(); ++j)
      if (!off_diagonal || i != j) total += line[columns[j]];
  }
  return total;
}

double KernelDistances::distance(std::span<const int> of_a, std::span<const int> of_b) const {
  const auto n = static_cast<double>(of_a.size()), m = static_cast<double>(of_b.size());
  return sum(a_, aa_, a_, of_a, of_a, true) / (n * (n - 1)) +
         sum(b_, bb_, b_, of_b, of_b, true) / (m * (m - 1)) -
         2 * sum(a_, ab_, b_, of_a, of_b, false) / (n * m);
}

KernelDistance KernelDistances::over_subsets(const SubsetRule& rule) const {
  const auto a = static_cast<int>(a_.count()), b = static_cast<int>(b_.count());
  GSX_CHECK(rule.size >= 2 && rule.size <= std::min(a, b), "kernel_distance: subsets of ",
            rule.size, " rows need sets of at least as many, got ", a, " and ", b,
            "; take smaller subsets, of at least 2");
  NumpyRandom random(rule.seed);
  std::vector<double> values;
  for (int i = 0; i < rule.subsets; ++i) {
    std::vector<int> of_a, of_b;
    if (!rule.second_first) of_a = random.choice(a, rule.size);
    of_b = random.choice(b, rule.size);
    if (rule.second_first) of_a = random.choice(a, rule.size);
    values.push_back(distance(of_a, of_b));
  }
  KernelDistance result;
  for (const double v : values) result.mean += v / rule.subsets;
  double squares = 0;
  for (const double v : values) squares += (v - result.mean) * (v - result.mean);
  result.deviation = std::sqrt(squares / rule.subsets);
  return result;
}

}  // namespace gsx
