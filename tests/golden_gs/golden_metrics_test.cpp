// FID, KID and the Inception Score of given features, and what Inception is shown of images,
// against pytorch-fid, clean-fid and torch-fidelity.
#include <cmath>

#include "gs/colour_match.h"
#include "gs/eval/inception_score.h"
#include "gs/eval/kernel_distance.h"
#include "gs/eval/rows_frechet.h"
#include "tests/catch.h"
#include "tests/golden/golden_file.h"

using namespace gsx;

namespace {

FeatureRows rows_of(const golden::Entry& e) { return {static_cast<int>(e.shape[1]), e.values}; }

Image image_of(const golden::Entry& e) {
  Image image(static_cast<int>(e.shape[1]), static_cast<int>(e.shape[0]));
  for (size_t i = 0; i < e.values.size(); ++i)
    image.rgb[i] = static_cast<uint8_t>(std::clamp(e.values[i], 0.0f, 255.0f));
  return image;
}

template <class Check>
void for_each_case(const std::string& kind, int wanted, const Check& check) {
  const golden::File file("metrics.safetensors");
  int count = 0;
  for (const auto& item : file.cases()) {
    if (item.at("kind") != kind) continue;
    const std::string name = item.at("name");
    INFO(name);
    check(file, name, item);
    ++count;
  }
  CHECK(count == wanted);
}

}  // namespace

TEST_CASE("FID of given features is that of the public tools", "[golden]") {
  for_each_case("distances", 4, [](const golden::File& file, const std::string& name, const auto&) {
    const FeatureRows a = rows_of(file.at(name + "/a")), b = rows_of(file.at(name + "/b"));
    for (const std::string& tool : fid_protocol_names()) {
      INFO(tool);
      const bool floats = float_means(*find_fid_protocol(tool));
      const double want = file.at(name + "/fid/" + tool).values.at(0);
      const auto is_right = Approx(want).epsilon(2e-7).margin(1e-6);
      CHECK(frechet_distance(a, b, floats) == is_right);
      CHECK(frechet_distance(b, a, floats) == is_right);
      CHECK(frechet_distance(a, moments_of(b, floats), floats) == is_right);
      CHECK(frechet_distance(moments_of(a, floats), moments_of(b, floats)) == is_right);
    }
  });
}

TEST_CASE("KID of given features is that of the public tools", "[golden]") {
  for_each_case(
      "distances", 4, [](const golden::File& file, const std::string& name, const auto& item) {
        const FeatureRows a = rows_of(file.at(name + "/a")), b = rows_of(file.at(name + "/b"));
        const int subset = item.at("subset");
        const int64_t smaller = std::min(a.count(), b.count());
        const KernelDistances distances(a, b);
        const auto by = [&](FidProtocol protocol, int size) {
          return distances.over_subsets(subset_rule(protocol, size, smaller));
        };
        CHECK(by(FidProtocol::clean_fid, subset).mean ==
              Approx(file.at(name + "/kid/clean-fid").values.at(0)).epsilon(1e-6));
        const auto& want = file.at(name + "/kid/torch-fidelity").values;
        const KernelDistance got = by(FidProtocol::torch_fidelity, std::min<int>(subset, smaller));
        CHECK(got.mean == Approx(want.at(0)).epsilon(1e-6));
        CHECK(got.deviation == Approx(want.at(1)).epsilon(1e-6));
      });
}

TEST_CASE("Inception Scores of given logits are torch-fidelity's", "[golden]") {
  for_each_case("score", 1, [](const golden::File& file, const std::string& name, const auto&) {
    const FeatureRows logits = rows_of(file.at(name + "/rows"));
    const InceptionScore got = inception_score(logits, score_order(logits.count()));
    CHECK(got.mean == Approx(file.at(name + "/is").values.at(0)).epsilon(1e-6));
    CHECK(got.deviation == Approx(file.at(name + "/is").values.at(1)).epsilon(1e-6));
  });
}

TEST_CASE("Inception is shown images as the public tools show them", "[golden]") {
  const ContextPtr context = Context::create({.threads = 1});
  for_each_case("image", 3,
                [&](const golden::File& file, const std::string& name, const auto& item) {
                  const int stride = item.at("stride");
                  const Image image = image_of(file.at(name + "/pixels"));
                  for (const std::string& tool : fid_protocol_names()) {
                    INFO(tool);
                    const Tensor x = inception_input(context, image, *find_fid_protocol(tool));
                    CHECK(x.shape() == Shape{1, 3, 299, 299});
                    const std::vector<float> all = x.to_vector();
                    std::vector<float> got;
                    for (int c = 0; c < 3; ++c)
                      for (int i = 0; i < 299; i += stride)
                        for (int j = 0; j < 299; j += stride)
                          got.push_back(all[(c * 299 + i) * 299 + j]);
                    CHECK(golden::relative_error(got, file.at(name + "/" + tool).values) <= 1e-4);
                  }
                });
}

TEST_CASE("matched colours are numpy's", "[golden]") {
  for_each_case("colours", 1, [](const golden::File& file, const std::string& name, const auto&) {
    const Image got =
        match_colours(image_of(file.at(name + "/image")), image_of(file.at(name + "/reference")));
    const std::vector<float>& want = file.at(name + "/result").values;
    REQUIRE(got.rgb.size() == want.size());
    for (size_t i = 0; i < want.size(); ++i) CHECK(std::abs(got.rgb[i] - want[i]) <= 0.5001);
  });
}
