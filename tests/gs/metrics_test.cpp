// Features, LPIPS and differences between images.
#include "gs/eval/frechet.h"
#include "gs/eval/lpips.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "engine/io/image.h"
#include "gs/images.h"
#include "tests/catch.h"
#include "tests/data.h"
#include "tests/gs/graphs.h"

using namespace gsx;
using namespace gsx::test;

namespace {

Graph small_features() {
  Graph net = vgg16({.width = 4});
  randomize(net, 3);
  return net;
}

std::vector<std::vector<float>> some_heads(const Graph& net, const Shape& input) {
  std::vector<std::vector<float>> heads;
  const std::vector<Tensor> layers =
      net.run_layers(Tensor::zeros(context(), input), net.feature_layers);
  for (const Tensor& layer : layers) {
    heads.emplace_back(layer.dim(1));
    for (size_t c = 0; c < heads.back().size(); ++c)
      heads.back()[c] = 0.1f * static_cast<float>(c + 1);
  }
  return heads;
}

std::filesystem::path squeezenet_folder() { return require_data() / "perceptual/squeezenet1_1"; }

Graph trained_squeezenet() {
  Graph net = squeezenet();
  load_weights(net, context(), squeezenet_folder() / "weights.safetensors");
  return net;
}

}  // namespace

TEST_CASE("images change range and channel order, and change back") {
  const Tensor x = random_images({2, 3, 3, 5}, 1);
  const ImageFormat from{}, to{0, 255, true};
  const Tensor y = convert_images(x, from, to);
  const std::vector<float> a = x.to_vector(), b = y.to_vector();
  for (int n = 0; n < 2; ++n)
    for (int c = 0; c < 3; ++c)
      for (int p = 0; p < 15; ++p)
        CHECK(b[(n * 3 + c) * 15 + p] == Approx((a[(n * 3 + 2 - c) * 15 + p] + 1) * 127.5));
  CHECK(max_difference(convert_images(y, to, from), x) < 1e-6);
  CHECK(max_difference(convert_images(x, from, from), x) == 0);
  CHECK_THROWS_WITH(
      convert_images(random_images({1, 1, 2, 2}, 1), from, to),
      "convert_images: x must have 3 channels to swap red and blue, got [1, 1, 2, 2]");
}

TEST_CASE("differences of images are what people see of them, in grey levels") {
  const std::vector<float> a = {-1, 0, 0.5f, 3}, b = {-1, 0.2f, 0.5f, 1};
  const ImageDifference d = image_difference(Tensor::from(context(), a, {1, 1, 2, 2}),
                                             Tensor::from(context(), b, {1, 1, 2, 2}), {});
  CHECK(d.mean_abs == Approx(25.5 / 4).epsilon(1e-6));
  CHECK(d.psnr == Approx(10 * std::log10(255 * 255 / (25.5 * 25.5 / 4))).epsilon(1e-6));
  const Tensor x = random_images({1, 3, 2, 2}, 1);
  CHECK(image_difference(x, x, {}).psnr == std::numeric_limits<double>::infinity());
  CHECK(clip_images(Tensor::from(context(), a, {1, 1, 2, 2}), {}).to_vector() ==
        std::vector<float>{-1, 0, 0.5f, 1});
}

TEST_CASE("features are spatial means of a feature layer") {
  const Graph net = small_features();
  const Tensor x = random_images({3, 3, 16, 24}, 1, net.input_format);
  FeatureStatistics s;
  s.add(image_features(net, "relu2_2", x));
  CHECK(s.count() == 3);
  const Tensor layer = net.run_layers(x, {"relu2_2"})[0];
  const std::vector<float> values = layer.to_vector();
  const int64_t pixels = layer.dim(2) * layer.dim(3);
  for (int c = 0; c < s.features(); ++c) {
    double sum = 0;
    for (int n = 0; n < 3; ++n)
      for (int64_t p = 0; p < pixels; ++p)
        sum += values[static_cast<size_t>((n * layer.dim(1) + c) * pixels + p)];
    CHECK(s.mean()[c] == Approx(sum / static_cast<double>(3 * pixels)).epsilon(1e-5));
  }
  CHECK(frechet_name(net, "relu2_2") == "Frechet distance on vgg16 relu2_2");
}

TEST_CASE("lpips is the weighted distance of unit features, image by image") {
  const Graph net = small_features();
  const Shape input{2, 3, 16, 16};
  const auto heads = some_heads(net, input);
  const Tensor a = random_images(input, 1, net.input_format),
               b = random_images(input, 2, net.input_format);
  const Lpips lpips(net, heads);
  const std::vector<double> d = lpips(a, b);
  const auto ta = net.run_layers(a, net.feature_layers), tb = net.run_layers(b, net.feature_layers);
  for (int n = 0; n < 2; ++n) {
    double want = 0;
    for (size_t k = 0; k < heads.size(); ++k) {
      const int64_t channels = ta[k].dim(1), pixels = ta[k].dim(2) * ta[k].dim(3);
      const std::vector<float> va = ta[k].to_vector(), vb = tb[k].to_vector();
      for (int64_t p = 0; p < pixels; ++p) {
        const auto at = [&](int64_t c) {
          return static_cast<size_t>((n * channels + c) * pixels + p);
        };
        double la = 0, lb = 0;
        for (int64_t c = 0; c < channels; ++c) {
          la += std::pow(va[at(c)], 2);
          lb += std::pow(vb[at(c)], 2);
        }
        for (int64_t c = 0; c < channels; ++c)
          want += heads[k][c] / static_cast<double>(pixels) *
                  std::pow(
                      va[at(c)] / (std::sqrt(la) + 1e-10) - vb[at(c)] / (std::sqrt(lb) + 1e-10), 2);
      }
    }
    CHECK(d[n] == Approx(want).epsilon(1e-5));
  }
  CHECK(lpips(a, a) == std::vector<double>{0, 0});
  CHECK(lpips.name() == "LPIPS v0.1 (vgg16)");
}

TEST_CASE("lpips says which heads do not fit") {
  const Graph net = small_features();
  auto heads = some_heads(net, {1, 3, 16, 16});
  const Tensor x = random_images({1, 3, 16, 16}, 1, net.input_format);
  heads[1].pop_back();
  CHECK_THROWS_WITH(
      Lpips(net, heads)(x, x),
      "lpips: head 1 must have 8 weights, one per channel of feature layer relu2_2, got 7");
  heads.pop_back();
  CHECK_THROWS_WITH(Lpips(net, heads),
                    "lpips: there must be one head per feature layer of the network, got 3 heads "
                    "and 4 feature layers");
}

TEST_CASE("lpips of the authors' images is the authors'", "[data]") {
  const Graph net = trained_squeezenet();
  const auto folder = squeezenet_folder();
  const auto found = find_lpips_heads(folder / "weights.safetensors");
  REQUIRE(found);
  CHECK(found->filename() == "lpips_v0.1_squeeze_lin.safetensors");
  const Lpips lpips(net, load_lpips_heads(*found));
  const nlohmann::json wanted =
      nlohmann::json::parse(std::ifstream(folder / "manifest.json")).at("lpips");
  const PixelFormat format{net.input_format.lo, net.input_format.hi, net.input_format.bgr};
  for (const auto& [pair, value] : wanted.items()) {
    const size_t space = pair.find(' ');
    const auto image = [&](const std::string& name) {
      return to_tensor(context(), read_image(folder / (name + ".png")), format);
    };
    const double d = lpips(image(pair.substr(0, space)), image(pair.substr(space + 1)))[0];
    INFO(pair);
    CHECK(d == Approx(value.at("total").get<double>()).margin(1e-4));
  }
}

TEST_CASE("the frechet distance of horses on squeezenet is the reference's", "[data]") {
  const Graph net = trained_squeezenet();
  std::vector<std::filesystem::path> files;
  for (const auto& entry :
       std::filesystem::directory_iterator(require_data() / "horse2zebra/trainA"))
    files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  FeatureStatistics first, second;
  for (size_t i = 0; i < files.size(); ++i)
    (i < files.size() / 2 ? first : second)
        .add(image_features(net, "features.12",
                            to_tensor(context(), read_image(files[i]), {0, 1, false})));
  const nlohmann::json wanted =
      nlohmann::json::parse(std::ifstream(require_data() / "frechet/frechet_reference.json"))
          .at("squeezenet1_1_tap6_gap512");
  CHECK(frechet_distance(first, second) ==
        Approx(wanted.at("trainA first half vs second half (name order)").get<double>())
            .epsilon(2e-3));
}
