// Frechet distances against closed forms and against reference figures on given features.
#include "gs/eval/frechet.h"

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "engine/io/npy.h"
#include "tests/catch.h"
#include "tests/data.h"

using namespace gsx;

namespace {

FeatureStatistics rows_of(const NpyArray& a, int64_t from, int64_t to) {
  FeatureStatistics s;
  const auto width = static_cast<size_t>(a.shape[1]);
  for (int64_t i = from; i < to; ++i) s.add(std::span(a.values).subspan(i * width, width));
  return s;
}

FeatureStatistics random_rows(int count, int features, uint64_t seed, float offset = 0) {
  Rng rng(seed);
  FeatureStatistics s;
  std::vector<float> row(features);
  for (int i = 0; i < count; ++i) {
    for (int f = 0; f < features; ++f) row[f] = offset + (1 + f % 3) * rng.normal();
    s.add(row);
  }
  return s;
}

nlohmann::json reference() {
  return nlohmann::json::parse(std::ifstream(require_data() / "frechet/frechet_reference.json"));
}

}  // namespace

TEST_CASE("feature statistics are the mean and the ddof 1 covariance") {
  FeatureStatistics s;
  for (const std::vector<float>& row :
       {std::vector<float>{1001, 2}, std::vector<float>{1003, 8}, std::vector<float>{1005, 2}})
    s.add(row);
  CHECK(s.mean() == std::vector<double>{1003, 4});
  CHECK(s.covariance() == std::vector<double>{4, 0, 0, 12});
}

TEST_CASE("feature statistics take tensors and refuse what does not fit") {
  const ContextPtr context = Context::create({.threads = 1});
  const std::vector<float> values = {1, 2, 3, 4, 5, 7};
  FeatureStatistics s;
  s.add(Tensor::from(context, values, {2, 3, 1, 1}));
  CHECK(s.count() == 2);
  CHECK(s.mean() == std::vector<double>{2.5, 3.5, 5});
  CHECK_THROWS_WITH(s.add(std::vector<float>{1, 2}),
                    "feature statistics: a row must have 3 features as the rows before it, got 2");
  CHECK_THROWS_WITH(s.add(Tensor::from(context, values, {1, 1, 2, 3})),
                    "feature statistics: rows must be [N, F] or [N, F, 1, 1], got [1, 1, 2, 3]");
  CHECK_THROWS_WITH(random_rows(1, 3, 1).covariance(),
                    "feature statistics: a covariance needs at least 2 rows, got 1");
}

TEST_CASE("frechet distance in one dimension is its closed form") {
  const FeatureStatistics a = random_rows(40, 1, 1), b = random_rows(30, 1, 2, 3);
  const double mean = a.mean()[0] - b.mean()[0];
  const double deviation = std::sqrt(a.covariance()[0]) - std::sqrt(b.covariance()[0]);
  CHECK(frechet_distance(a, b) == Approx(mean * mean + deviation * deviation).epsilon(1e-12));
}

TEST_CASE("frechet distance is symmetric, and zero between equal sets even of few rows") {
  for (const int rows : {5, 12, 60}) {
    const FeatureStatistics a = random_rows(rows, 20, 1), b = random_rows(rows + 3, 20, 2);
    CHECK(std::abs(frechet_distance(a, a)) < 1e-9 * a.features() * 10);
    CHECK(frechet_distance(a, b) == Approx(frechet_distance(b, a)).epsilon(1e-10));
    CHECK(frechet_distance(a, b) > 0);
  }
  CHECK_THROWS_WITH(frechet_distance(random_rows(5, 3, 1), random_rows(5, 4, 1)),
                    "frechet_distance: both sets must have as many features, got 3 and 4");
}

TEST_CASE("frechet distances of given features are the reference's", "[data]") {
  const nlohmann::json wanted = reference().at("tiny_darknet_conv15_gap128");
  const auto folder = require_data() / "frechet";
  const NpyArray a = read_npy(folder / "features_trainA_tiny_darknet.npy");
  const NpyArray b = read_npy(folder / "features_trainB_tiny_darknet.npy");
  const auto distance = [](const NpyArray& x, int64_t x0, int64_t x1, const NpyArray& y, int64_t y0,
                           int64_t y1) {
    return frechet_distance(rows_of(x, x0, x1), rows_of(y, y0, y1));
  };
  CHECK(distance(a, 0, 150, b, 0, 150) ==
        Approx(wanted.at("trainA vs trainB").get<double>()).epsilon(1e-6));
  CHECK(distance(a, 0, 75, a, 75, 150) ==
        Approx(wanted.at("trainA first half vs second half (name order)").get<double>())
            .epsilon(1e-6));
  CHECK(distance(b, 0, 75, b, 75, 150) ==
        Approx(wanted.at("trainB first half vs second half (name order)").get<double>())
            .epsilon(1e-6));
}
