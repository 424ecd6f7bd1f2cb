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
  return {std::move(mu.values), std::move(sigma.values)};
}

}  // namespace gsx
