// Frechet distances by rows and by covariances, kernel distances, scores, intervals and statistics
// in files, against closed forms and against each other.
#include "gs/eval/feature_distances.h"

#include <cmath>

#include "engine/io/npz.h"
#include "gs/eval/rows_frechet.h"
#include "gs/eval/statistics_file.h"
#include "tests/catch.h"
#include "tests/gs/graphs.h"
#include "tests/temp_dir.h"

using namespace gsx;
using namespace gsx::test;

namespace {

FeatureRows random_rows(int count, int features, uint64_t seed, float offset = 0) {
  Rng rng(seed);
  FeatureRows rows;
  std::vector<float> row(static_cast<size_t>(features));
  for (int i = 0; i < count; ++i) {
    for (int f = 0; f < features; ++f)
      row[static_cast<size_t>(f)] = offset + static_cast<float>(1 + f % 3) * rng.normal();
    rows.add(row);
  }
  return rows;
}

FeatureStatistics statistics_of(const FeatureRows& rows) {
  FeatureStatistics s;
  for (int64_t i = 0; i < rows.count(); ++i) s.add(rows.row(i));
  return s;
}

FeatureRows chosen(const FeatureRows& rows, const std::vector<int>& of) {
  FeatureRows result;
  for (const int i : of) result.add(rows.row(i));
  return result;
}

}  // namespace

TEST_CASE("Frechet distances by rows are those by covariances, at any numbers of rows") {
  for (const auto& [n, m, f] : {std::tuple{5, 9, 20}, {20, 5, 7}, {2, 2, 33}, {12, 40, 1}}) {
    INFO(n << " and " << m << " rows of " << f);
    const FeatureRows a = random_rows(n, f, 1, 3), b = random_rows(m, f, 2);
    const auto is_right =
        Approx(frechet_distance(statistics_of(a), statistics_of(b))).epsilon(1e-7).margin(1e-6);
    CHECK(RowsFrechet(a, b).distance() == is_right);
    CHECK(RowsFrechet(a, moments_of(b)).distance() == is_right);
    CHECK(frechet_distance(moments_of(a), moments_of(b)) == is_right);
    CHECK(frechet_distance(a, b) == is_right);
  }
  CHECK_THROWS_WITH(RowsFrechet(random_rows(5, 3, 1), random_rows(5, 4, 1)),
                    "frechet_distance: both sets must have as many features, got 3 and 4");
  CHECK_THROWS_WITH(frechet_distance(random_rows(1, 30, 1), random_rows(5, 30, 1)),
                    "frechet_distance: a covariance needs at least 2 rows, got 1");
}

TEST_CASE("Frechet distances of resamples are those of the rows drawn") {
  const FeatureRows a = random_rows(7, 12, 1), b = random_rows(9, 12, 2, 1);
  const std::vector<int> i = {3, 3, 0, 6, 1, 1, 2}, j = {8, 0, 1, 1, 4, 4, 4, 7, 2};
  const FeatureRows x = chosen(a, i), y = chosen(b, j);
  CHECK(RowsFrechet(a, b).distance(i, j) == Approx(frechet_distance(x, y)).epsilon(1e-7));
  CHECK(RowsFrechet(a, moments_of(b)).distance(i, {}) ==
        Approx(frechet_distance(x, moments_of(b))).epsilon(1e-7));
}

TEST_CASE("kernel distances of two points each are their closed form") {
  FeatureRows a, b;
  for (const float v : {1.0f, 2.0f}) a.add(std::vector{v});
  for (const float v : {0.0f, 3.0f}) b.add(std::vector{v});
  // k(1,2) = 27, k(0,3) = 1; k(1,0) + k(1,3) + k(2,0) + k(2,3) = 1 + 64 + 1 + 343.
  const double want = 27 + 1 - 2 * 409.0 / 4;
  const KernelDistances distances(a, b);
  CHECK(distances.over_subsets({.subsets = 3, .size = 2}).mean == Approx(want));
  CHECK(distances.over_subsets({.subsets = 3, .size = 2}).deviation == Approx(0).margin(1e-9));
  CHECK_THROWS_WITH(
      distances.over_subsets({}),
      "kernel_distance: subsets of 1000 rows need sets of at least as many, got 2 and "
      "2; take smaller subsets, of at least 2");
  CHECK(subset_rule(FidProtocol::clean_fid, 0, 30).size == 30);
  CHECK(subset_rule(FidProtocol::torch_fidelity, 0, 30).size == 1000);
}

TEST_CASE("the Inception Score of images of one class each is the number of classes") {
  FeatureRows logits;
  for (int i = 0; i < 40; ++i) {
    std::vector<float> row(4, 0.0f);
    row[static_cast<size_t>(i % 4)] = 200;
    logits.add(row);
  }
  std::vector<int> order(40);
  for (int i = 0; i < 40; ++i) order[static_cast<size_t>(i)] = i;
  CHECK(inception_score(logits, order).mean == Approx(4));
  CHECK_THROWS_WITH(inception_score(logits, std::span(order).first(9)),
                    "inception_score: 10 splits need at least as many images, got 9");
}

TEST_CASE("95 % intervals of means hold the true mean about as often") {
  Rng rng(5);
  int hits = 0;
  constexpr int kTrials = 300;
  for (int trial = 0; trial < kTrials; ++trial) {
    std::vector<double> values;
    for (int i = 0; i < 40; ++i) values.push_back(2 + rng.normal());
    const Interval interval = bootstrap_mean(values, {.resamples = 200, .seed = 3});
    hits += interval.low <= 2 && 2 <= interval.high;
  }
  CHECK(hits >= 0.90 * kTrials);
  CHECK(hits <= 0.98 * kTrials);
}

TEST_CASE("intervals lie about the estimate, and are the same for the same seed") {
  const FeatureRows a = random_rows(20, 30, 1), b = random_rows(25, 30, 2);
  const RowsFrechet frechet(a, b);
  const int64_t sets[] = {20, 25};
  double sum = 0;
  const auto statistic = [&](const std::vector<std::vector<int>>& drawn) {
    const double d = frechet.distance(drawn[0], drawn[1]);
    sum += d;
    return d;
  };
  const double estimate = frechet.distance();
  const Interval one = bootstrap(estimate, sets, statistic, {.resamples = 50, .seed = 7});
  CHECK(sum / 50 > one.high);  // sets in which rows repeat are further apart
  CHECK(one.low < estimate);
  CHECK(one.high > estimate);
  const Interval two = bootstrap(estimate, sets, statistic, {.resamples = 50, .seed = 7}),
                 other = bootstrap(estimate, sets, statistic, {.resamples = 50, .seed = 8});
  CHECK(one.low == two.low);
  CHECK(one.low != other.low);
  CHECK_THROWS_WITH(bootstrap(estimate, sets, statistic, {.resamples = 1}),
                    "bootstrap: an interval needs at least 2 resamples, got 1");
}

TEST_CASE("feature distances tell what is left out, and resample model and teacher together") {
  Graph net = vgg16({.width = 4});
  randomize(net, 3);
  MeasureOptions options;
  options.resamples = 20;
  FeatureDistances distances(net, "relu2_2", options);
  for (uint64_t i = 0; i < 5; ++i) {
    const Tensor image = random_images({1, 3, 16, 16}, i);
    distances.add(FeatureDistances::model, image);
    distances.add(FeatureDistances::teacher, image);
    distances.add(FeatureDistances::real, random_images({1, 3, 16, 16}, 100 + i));
  }
  const FeatureResult r = distances.result();
  CHECK(r.frechet_name == "Frechet distance on vgg16 relu2_2");
  CHECK(r.frechet_reference == "real images");
  CHECK(r.frechet_distance == r.teacher_frechet_distance);
  CHECK(r.intervals.at("r_f").low == Approx(1));
  CHECK(r.intervals.at("r_f").high == Approx(1));
  CHECK_FALSE(r.protocol);
  CHECK_FALSE(r.kid);

  FeatureDistances by_statistics(net, "relu2_2", {});
  for (uint64_t i = 0; i < 5; ++i)
    by_statistics.add(FeatureDistances::model, random_images({1, 3, 16, 16}, i));
  by_statistics.set_reference(distances.real_moments(), "a file");
  const FeatureResult other = by_statistics.result();
  CHECK(other.frechet_reference == "a file");
  CHECK(other.frechet_distance == Approx(r.frechet_distance).epsilon(1e-6));
  CHECK(other.intervals.empty());
}

TEST_CASE("statistics come back from their file as they were, and bad ones are refused") {
  const TempDir dir;
  const FeatureMoments moments = moments_of(random_rows(9, 4, 1));
  save_statistics(moments, dir / "s.npz");
  const FeatureMoments again = load_statistics(dir / "s.npz");
  CHECK(again.mean == moments.mean);
  CHECK(again.covariance == moments.covariance);
  CHECK(NpzFile(dir / "s.npz").names() == std::vector<std::string>{"mu", "sigma"});
  write_npz(dir / "one.npz", {{"mu", {{2}, {1, 2}}}});
  CHECK_THROWS_WITH(load_statistics(dir / "one.npz"),
                    Catch::Contains("must hold the arrays mu and sigma, as pytorch-fid"));
  write_npz(dir / "shape.npz", {{"mu", {{2}, {1, 2}}}, {"sigma", {{3}, {1, 2, 3}}}});
  CHECK_THROWS_WITH(load_statistics(dir / "shape.npz"),
                    Catch::Contains("must hold mu [F] and sigma [F,F], got 2 and 3 values"));
  write_npz(dir / "nan.npz", {{"mu", {{1}, {NAN}}}, {"sigma", {{1, 1}, {1}}}});
  CHECK_THROWS_WITH(load_statistics(dir / "nan.npz"), Catch::Contains("must hold finite numbers"));
  using Values = std::vector<double>;
  for (const Values& sigma : {Values{-1, 0, 0, -1}, Values{1, 0.5, 0, 1}, Values{1, 3, 3, 1}}) {
    write_npz(dir / "no.npz", {{"mu", {{2}, {1, 2}}}, {"sigma", {{2, 2}, sigma}}});
    CHECK_THROWS_WITH(load_statistics(dir / "no.npz"), Catch::Contains("must hold a covariance"));
  }
}
