// Frechet distances by products of rows, and by covariances of many features; see rows_frechet.h.
#include "gs/eval/rows_frechet.h"

#include <Eigen/Dense>
#include <numeric>

#include "engine/error.h"

namespace gsx {
namespace {

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Vector = Eigen::VectorXd;

Eigen::Map<const RowMajor> mapped(const std::vector<double>& values, int64_t rows,
                                  int64_t columns) {
  return {values.data(), rows, columns};
}

std::vector<double> stored(const RowMajor& m) { return {m.data(), m.data() + m.size()}; }

RowMajor rows_less(const FeatureRows& rows, const std::vector<double>& mean) {
  GSX_CHECK(rows.features == static_cast<int>(mean.size()),
            "frechet_distance: both sets must have as many features, got ", rows.features, " and ",
            mean.size());
  GSX_CHECK(rows.count() >= 2, "frechet_distance: a covariance needs at least 2 rows, got ",
            rows.count());
  using Floats = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  RowMajor x =
      Eigen::Map<const Floats>(rows.values.data(), rows.count(), rows.features).cast<double>();
  x.rowwise() -= Eigen::Map<const Vector>(mean.data(), rows.features).transpose();
  return x;
}

// Of a positive semidefinite matrix: the trace of its root.
double trace_of_root(const RowMajor& m) {
  if (m.size() == 0) return 0;
  const Eigen::SelfAdjointEigenSolver<RowMajor> solver(m, Eigen::EigenvaluesOnly);
  return solver.eigenvalues().cwiseMax(0.0).cwiseSqrt().sum();
}

// Products of rows, as if these had been centred before.
RowMajor centred_products(RowMajor products) {
  const Vector of_columns = products.colwise().mean();
  products.rowwise() -= of_columns.transpose();
  const Vector of_rows = products.rowwise().mean();
  products.colwise() -= of_rows;
  return products;
}

RowMajor chosen_products(const Eigen::Map<const RowMajor>& m, std::span<const int> rows,
                         std::span<const int> columns) {
  RowMajor result(rows.size(), columns.size());
  for (size_t i = 0; i < rows.size(); ++i)
    for (size_t j = 0; j < columns.size(); ++j) result(i, j) = m(rows[i], columns[j]);
  return result;
}

std::vector<int> first_indices(int n) {
  std::vector<int> indices(static_cast<size_t>(n));
  std::iota(indices.begin(), indices.end(), 0);
  return indices;
}

// Trace of the covariance of rows with these products; `square` is that of their mean.
double trace_of_covariance(const RowMajor& products, double square) {
  const auto n = static_cast<double>(products.rows());
  return (products.trace() - n * square) / (n - 1);
}

// L with L L^T = c, one column for each pivot that is not rounding noise.
RowMajor pivoted_root(const RowMajor& c) {
  const Eigen::LDLT<RowMajor> solver(c);
  const Vector pivots = solver.vectorD();
  const double noise = pivots.maxCoeff() * 2.3e-16 * static_cast<double>(c.rows());
  RowMajor l = solver.matrixL();
  for (Eigen::Index i = 0; i < l.cols(); ++i)
    l.col(i) *= pivots(i) > noise ? std::sqrt(pivots(i)) : 0.0;
  return solver.transpositionsP().transpose() * l;
}

}  // namespace

RowsFrechet::RowsFrechet(const FeatureRows& a, const FeatureRows& b) {
  const std::vector<double> centre = mean_of(b);
  const RowMajor x = rows_less(a, centre), y = rows_less(b, centre);
  a_ = static_cast<int>(x.rows());
  b_ = static_cast<int>(y.rows());
  aa_ = stored(x * x.transpose());
  ab_ = stored(x * y.transpose());
  bb_ = stored(y * y.transpose());
}

RowsFrechet::RowsFrechet(const FeatureRows& a, const FeatureMoments& b) {
  const RowMajor x = rows_less(a, b.mean);
  const auto covariance = mapped(b.covariance, b.features(), b.features());
  a_ = static_cast<int>(x.rows());
  aa_ = stored(x * x.transpose());
  ab_ = stored(x * covariance * x.transpose());
  trace_of_b_ = covariance.trace();
}

double RowsFrechet::distance() const { return distance(first_indices(a_), first_indices(b_)); }

double RowsFrechet::distance(std::span<const int> of_a, std::span<const int> of_b) const {
  const auto n = static_cast<double>(of_a.size()), m = static_cast<double>(of_b.size());
  const RowMajor aa = chosen_products(mapped(aa_, a_, a_), of_a, of_a);
  const double mean_a = aa.mean();  // the square of the mean row
  if (b_ == 0) {
    const RowMajor s = centred_products(chosen_products(mapped(ab_, a_, a_), of_a, of_a)) / (n - 1);
    return mean_a + trace_of_covariance(aa, mean_a) + trace_of_b_ - 2 * trace_of_root(s);
  }
  const RowMajor ab = chosen_products(mapped(ab_, a_, b_), of_a, of_b),
                 bb = chosen_products(mapped(bb_, b_, b_), of_b, of_b);
  const double mean_b = bb.mean();
  const RowMajor cross = centred_products(ab) / std::sqrt((n - 1) * (m - 1));
  const RowMajor s =
      n <= m ? RowMajor(cross * cross.transpose()) : RowMajor(cross.transpose() * cross);
  return mean_a - 2 * ab.mean() + mean_b + trace_of_covariance(aa, mean_a) +
         trace_of_covariance(bb, mean_b) - 2 * trace_of_root(s);
}

double frechet_distance(const FeatureMoments& a, const FeatureMoments& b) {
  GSX_CHECK(a.features() == b.features(),
            "frechet_distance: both sets must have as many features, got ", a.features(), " and ",
            b.features());
  const int64_t f = a.features();
  const auto ca = mapped(a.covariance, f, f), cb = mapped(b.covariance, f, f);
  const RowMajor l = pivoted_root(ca);
  const auto d = mapped(a.mean, f, 1) - mapped(b.mean, f, 1);
  return d.squaredNorm() + ca.trace() + cb.trace() - 2 * trace_of_root(l.transpose() * cb * l);
}

namespace {

// What a mean in single precision moves the distance by.
double mean_moved(const std::vector<double>& a, const std::vector<double>& b,
                  const std::vector<double>& exact_a, const std::vector<double>& exact_b) {
  double moved = 0;
  for (size_t i = 0; i < a.size(); ++i)
    moved += (a[i] - b[i]) * (a[i] - b[i]) - (exact_a[i] - exact_b[i]) * (exact_a[i] - exact_b[i]);
  return moved;
}

}  // namespace

double frechet_distance(const FeatureRows& a, const FeatureRows& b, bool float_mean) {
  if (std::max(a.count(), b.count()) > a.features)
    return frechet_distance(moments_of(a, float_mean), moments_of(b, float_mean));
  const double distance = RowsFrechet(a, b).distance();
  if (!float_mean) return distance;
  return distance + mean_moved(mean_of(a, true), mean_of(b, true), mean_of(a), mean_of(b));
}

double frechet_distance(const FeatureRows& a, const FeatureMoments& b, bool float_mean) {
  if (a.count() > a.features) return frechet_distance(moments_of(a, float_mean), b);
  const double distance = RowsFrechet(a, b).distance();
  if (!float_mean) return distance;
  return distance + mean_moved(mean_of(a, true), b.mean, mean_of(a), b.mean);
}

}  // namespace gsx
