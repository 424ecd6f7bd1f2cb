// Real networks of others against their reference outputs ([data]: only where those files are).
#include <fstream>
#include <nlohmann/json.hpp>

#include "engine/io/npy.h"
#include "tests/data.h"
#include "tests/models/helpers.h"

using namespace gsx;

TEST_CASE("fst_wave paints as its reference", "[data]") {
  const auto folder = require_data() / "teachers/fst_wave";
  const auto c = test::context();
  const Graph graph = open_model(c, "fast_style:" + (folder / "weights.safetensors").string());
  const Tensor y = graph.evaluate(read_npy(c, folder / "input_128.npy"));
  CHECK(test::difference(y, read_npy(c, folder / "output_128.npy")) <= 5e-3);
}

TEST_CASE("cartoongan_hayao paints as its reference", "[data]") {
  const auto folder = require_data() / "teachers/cartoongan_hayao";
  const auto c = test::context();
  const Graph graph = open_model(c, "cartoongan:" + (folder / "weights.safetensors").string());
  const Tensor y = graph.evaluate(read_npy(c, folder / "input_128.npy"));
  CHECK(test::difference(y, read_npy(c, folder / "output_128.npy")) <= 2e-4);
}

TEST_CASE("squeezenet sees as its reference", "[data]") {
  const auto folder = require_data() / "perceptual/squeezenet1_1";
  const auto c = test::context();
  const Graph graph = open_model(c, "squeezenet:" + (folder / "weights.safetensors").string());
  // The reference input is normalised already; the graph does that itself.
  const Tensor x =
      channel_affine(read_npy(c, folder / "input_128.npy"),
                     Tensor::from(c, std::vector<float>{0.229f, 0.224f, 0.225f}, Shape{3}),
                     Tensor::from(c, std::vector<float>{0.485f, 0.456f, 0.406f}, Shape{3}));
  const auto logits = read_npy(c, folder / "logits_128.npy").to_vector();
  CHECK(test::largest_difference(graph.run(x).to_vector(), logits) <= 1e-5 * test::largest(logits));
  const auto last = read_npy(c, folder / "gap512_128.npy").to_vector();
  const Tensor layer = graph.run_layers(x, {graph.feature_layers.back()})[0];
  CHECK(test::largest_difference(global_avg_pool(layer).to_vector(), last) <=
        1e-5 * test::largest(last));

  std::ifstream text(folder / "manifest.json");
  const auto manifest = nlohmann::json::parse(text);
  const std::vector<Tensor> layers = graph.run_layers(x, graph.feature_layers);
  REQUIRE(manifest["taps"].size() == layers.size());
  for (size_t i = 0; i < layers.size(); ++i) {
    INFO("feature layer " << i);
    const nlohmann::json& want = manifest["taps"][i];
    CHECK(std::vector<int64_t>(layers[i].shape().begin(), layers[i].shape().end()) ==
          want["shape"].get<std::vector<int64_t>>());
    CHECK(mean(layers[i]).item() == Approx(want["mean"].get<double>()).epsilon(1e-4));
    const auto values = layers[i].to_vector();
    for (size_t j = 0; j < want["first"].size(); ++j) {
      CHECK(values[j] == Approx(want["first"][j].get<double>()).margin(1e-4).epsilon(1e-4));
    }
  }
}

TEST_CASE("weight files that do not fit are described in full", "[data]") {
  const auto folder = require_data() / "teachers";
  const auto c = test::context();
  CHECK_THROWS_WITH(open_model(c, "cyclegan:" + (folder / "fst_wave/weights.safetensors").string()),
                    Contains("missing model.1.weight") && Contains("and more"));
  Graph narrow = fast_style({.width = 16});
  CHECK_THROWS_WITH(load_weights(narrow, c, folder / "fst_wave/weights.safetensors"),
                    Contains("conv1.weight has shape [32, 3, 9, 9] instead of [16, 3, 9, 9]"));
  Graph short_one = fast_style({.blocks = 4});
  CHECK_THROWS_WITH(load_weights(short_one, c, folder / "fst_wave/weights.safetensors"),
                    Contains("unexpected res5.conv1.weight"));
}
