// Frechet distances, means and covariances against numpy.
#include "gs/eval/frechet.h"
#include "tests/catch.h"
#include "tests/golden/golden_file.h"

using namespace gsx;

namespace {

FeatureStatistics statistics(const golden::Entry& rows) {
  FeatureStatistics s;
  const size_t features = static_cast<size_t>(rows.shape[1]);
  for (size_t i = 0; i < rows.values.size(); i += features) {
    s.add(std::span(rows.values).subspan(i, features));
  }
  return s;
}

std::vector<float> floats(const std::vector<double>& v) { return {v.begin(), v.end()}; }

}  // namespace

TEST_CASE("Frechet distances agree with numpy", "[golden]") {
  const golden::File file("frechet.safetensors");
  CHECK(file.cases().size() == 4);
  for (const auto& item : file.cases()) {
    const std::string name = item.at("name");
    INFO(name);
    const FeatureStatistics a = statistics(file.at(name + "/a"));
    const FeatureStatistics b = statistics(file.at(name + "/b"));
    CHECK(golden::relative_error(floats(a.mean()), file.at(name + "/mean").values) <= 1e-6);
    CHECK(golden::relative_error(floats(a.covariance()), file.at(name + "/covariance").values) <=
          1e-6);
    const double want = file.at(name + "/distance").values.at(0);
    CHECK(frechet_distance(a, b) == Approx(want).epsilon(1e-5).margin(1e-5));
  }
}
