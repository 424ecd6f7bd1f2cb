// Feature statistics and the Frechet distance between two sets of them; see frechet.h.
#include "gs/eval/frechet.h"

#include <Eigen/Dense>
#include <algorithm>

namespace gsx {
namespace {

using Matrix = Eigen::MatrixXd;
using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

Matrix to_matrix(const FeatureStatistics& s) {
  const std::vector<double> c = s.covariance();
  return Eigen::Map<const RowMajor>(c.data(), s.features(), s.features());
}

// R with R R^T = c, one column per eigenvalue that is not rounding noise.
Matrix root(const Matrix& c) {
  const Eigen::SelfAdjointEigenSolver<Matrix> solver(c);
  const Eigen::VectorXd& values = solver.eigenvalues();  // ascending
  const double noise = values.tail(1)(0) * 2.3e-16 * static_cast<double>(c.rows());
  const auto rank = (values.array() > std::max(noise, 0.0)).count();
  return solver.eigenvectors().rightCols(rank) * values.tail(rank).cwiseSqrt().asDiagonal();
}

// tr((cA cB)^(1/2)) is the sum of the singular values of RA^T RB. The smaller Gram matrix of that
// product has no eigenvalues that are zero by construction, whose roots would be noise.
double trace_of_root(const Matrix& ca, const Matrix& cb) {
  const Matrix product = root(ca).transpose() * root(cb);
  if (product.size() == 0) return 0;
  const Matrix gram = product.rows() <= product.cols() ? Matrix(product * product.transpose())
                                                       : Matrix(product.transpose() * product);
  const Eigen::SelfAdjointEigenSolver<Matrix> solver(gram, Eigen::EigenvaluesOnly);
  return solver.eigenvalues().cwiseMax(0.0).cwiseSqrt().sum();
}

}  // namespace

void FeatureStatistics::add(std::span<const float> row) {
  if (count_ == 0) {
    shift_.assign(row.begin(), row.end());
    sum_.assign(row.size(), 0);
    scatter_.assign(row.size() * row.size(), 0);
  }
  GSX_CHECK(row.size() == shift_.size(), "feature statistics: a row must have ", shift_.size(),
            " features as the rows before it, got ", row.size());
  const Eigen::Index n = features();
  Eigen::VectorXd d(n);
  for (Eigen::Index i = 0; i < n; ++i) d(i) = row[i] - shift_[i];
  Eigen::Map<Eigen::VectorXd>(sum_.data(), n) += d;
  // Row-major lower triangle: row i gains d_i * d[0..i].
  for (Eigen::Index i = 0; i < n; ++i)
    Eigen::Map<Eigen::VectorXd>(&scatter_[i * n], i + 1) += d(i) * d.head(i + 1);
  ++count_;
}

void FeatureStatistics::add(const Tensor& rows) {
  const Shape& s = rows.shape();
  GSX_CHECK(s.rank() == 2 || (s.rank() == 4 && s[2] == 1 && s[3] == 1),
            "feature statistics: rows must be [N, F] or [N, F, 1, 1], got ", s);
  const std::vector<float> values = rows.to_vector();
  const size_t width = static_cast<size_t>(s[1]);
  for (int64_t i = 0; i < s[0]; ++i) add({values.data() + i * width, width});
}

std::vector<double> FeatureStatistics::mean() const {
  std::vector<double> m(shift_);
  for (size_t i = 0; i < m.size(); ++i) m[i] += sum_[i] / static_cast<double>(count_);
  return m;
}

std::vector<double> FeatureStatistics::covariance() const {
  GSX_CHECK(count_ >= 2, "feature statistics: a covariance needs at least 2 rows, got ", count_);
  const size_t n = shift_.size();
  const double count = static_cast<double>(count_);
  std::vector<double> c(n * n);
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j <= i; ++j)
      c[i * n + j] = c[j * n + i] = (scatter_[i * n + j] - sum_[i] * sum_[j] / count) / (count - 1);
  return c;
}

double frechet_distance(const FeatureStatistics& a, const FeatureStatistics& b) {
  GSX_CHECK(a.features() == b.features(),
            "frechet_distance: both sets must have as many features, got ", a.features(), " and ",
            b.features());
  const Matrix ca = to_matrix(a), cb = to_matrix(b);
  const std::vector<double> ma = a.mean(), mb = b.mean();
  double distance = ca.trace() + cb.trace() - 2 * trace_of_root(ca, cb);
  for (size_t i = 0; i < ma.size(); ++i) distance += (ma[i] - mb[i]) * (ma[i] - mb[i]);
  return distance;
}

Tensor image_features(const Graph& net, const std::string& layer, const Tensor& images) {
  const NoGrad no_grad;
  const Tensor value = net.run_layers(images, {layer}).front();
  if (value.shape().rank() != 4) return value;
  return reshape(global_avg_pool(value), {value.dim(0), value.dim(1)});
}

std::string frechet_name(const Graph& net, const std::string& layer) {
  return "Frechet distance on " + net.architecture() + " " + layer;
}

}  // namespace gsx
