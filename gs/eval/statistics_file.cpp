// Cached statistics; see statistics_file.h.
#include "gs/eval/statistics_file.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "engine/io/npz.h"

namespace gsx {

void save_statistics(const FeatureMoments& moments, const std::filesystem::path& path) {
  const int64_t f = moments.features();
  write_npz(path, {{"mu", {{f}, moments.mean}}, {"sigma", {{f, f}, moments.covariance}}});
}

FeatureMoments load_statistics(const std::filesystem::path& path) {
  const NpzFile file(path);
  GSX_CHECK(file.contains("mu") && file.contains("sigma"), "statistics: ", path.string(),
            " must hold the arrays mu and sigma, as pytorch-fid and clean-fid write them for FID");
  NpzArray mu = file.read("mu"), sigma = file.read("sigma");
  const auto f = static_cast<int64_t>(mu.values.size());
  GSX_CHECK(f > 0 && mu.shape.size() == 1 && sigma.shape == std::vector<int64_t>({f, f}),
            "statistics: ", path.string(), " must hold mu [F] and sigma [F,F], got ",
            mu.values.size(), " and ", sigma.values.size(), " values");
  const auto finite = [](double v) { return std::isfinite(v); };
  GSX_CHECK(std::all_of(mu.values.begin(), mu.values.end(), finite) &&
                std::all_of(sigma.values.begin(), sigma.values.end(), finite),
            "statistics: ", path.string(), " must hold finite numbers; make it anew");
  const auto at = [&](int64_t i, int64_t j) {
    return sigma.values[static_cast<size_t>(i * f + j)];
  };
  bool covariance = true;
  for (int64_t i = 0; i < f; ++i)
    for (int64_t j = 0; j <= i; ++j) {
      // Rounded to single precision by some tools; Cauchy-Schwarz bounds what lies off the
      // diagonal.
      const double most = std::sqrt(std::max(at(i, i), 0.0)) * std::sqrt(std::max(at(j, j), 0.0));
      const double room = 1e-3 * most + 1e-6;
      covariance = covariance && at(i, i) >= -1e-6 && std::abs(at(i, j)) <= most + room &&
                   std::abs(at(i, j) - at(j, i)) <= room;
    }
  GSX_CHECK(
      covariance, "statistics: ", path.string(),
      " must hold a covariance as sigma, symmetric and with variances on its diagonal; make it "
      "anew");
  return {std::move(mu.values), std::move(sigma.values)};
}

}  // namespace gsx
