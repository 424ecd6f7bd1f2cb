// What layers kept and what rounding costs them, against sums over values taken one by one.
#include "gs/eval/layer_figures.h"

#include <cmath>

#include "gs/passes/quantize.h"
#include "gs/train/run_log.h"
#include "tests/catch.h"
#include "tests/gs/graphs.h"
#include "tests/temp_dir.h"

using namespace gsx;
using namespace gsx::test;

namespace {

double snr(const std::vector<float>& before, const std::vector<float>& after) {
  double signal = 0, noise = 0;
  for (size_t i = 0; i < before.size(); ++i) {
    signal += double(before[i]) * before[i];
    noise += std::pow(double(after[i]) - before[i], 2);
  }
  return 10 * std::log10(signal / noise);
}

}  // namespace

TEST_CASE("layers tell channels, costs, signal to noise and saturation") {
  const Case& cyclegan = case_named("cyclegan");
  Graph real = cyclegan.make();
  const Shape input = cyclegan.input;
  quantize_graph(real, input);
  Quantize* narrow = nullptr;  // clips much
  for (int i = 0; i < real.size(); ++i)
    if (auto* q = dynamic_cast<Quantize*>(&real.node(i)); q && !narrow) narrow = q;
  narrow->p *= 0.2f;
  real.changed();
  Graph shipped = real;
  freeze_weight_scales(shipped);
  const TempDir dir;
  save_model(shipped, dir / "model.safetensors");
  const Graph model = load_model(context(), dir / "model.safetensors");
  const std::vector<Tensor> images = {random_images(input, 1), random_images(input, 2)};

  const std::vector<LayerFigures> layers = layer_figures(model, &real, images);
  REQUIRE(layers.size() == model.cost(input).layers.size());
  int rounded = 0;
  bool clipped = false;
  for (const LayerFigures& layer : layers) {
    INFO(layer.name);
    const Node& node = model.node(model.find(layer.name));
    CHECK(layer.kept == layer.original);
    CHECK(layer.weight_snr.has_value() == node.has_weight());
    if (layer.weight_snr) {
      const auto* before = real.node(real.find(layer.name)).parameter(Role::weight);
      CHECK(*layer.weight_snr == Approx(snr(before->value.to_vector(),
                                            node.parameter(Role::weight)->value.to_vector())));
      CHECK(*layer.weight_snr > 30);
    }
    if (!layer.input) continue;
    ++rounded;
    const Node& quantizer = model.node(node.inputs[0]);
    const auto& grid = dynamic_cast<const Quantize&>(quantizer);
    std::vector<float> before, after;
    double beyond = 0;
    for (const Tensor& image : images) {
      RunOptions unfused;
      unfused.fused = false;
      const auto values =
          model.run_layers(image, {model.node(quantizer.inputs[0]).name, quantizer.name}, unfused);
      for (const float v : values[0].to_vector()) before.push_back(v);
      for (const float v : values[1].to_vector()) after.push_back(v);
    }
    for (const float v : before) beyond += v > grid.range().clamp_hi || v < grid.range().clamp_lo;
    CHECK(layer.input->snr == Approx(snr(before, after)));
    CHECK(layer.input->saturated == Approx(beyond / double(before.size())).margin(1e-12));
    CHECK(layer.input->range == grid.p);
    clipped = clipped || layer.input->saturated > 0.05;
  }
  CHECK(rounded > 5);
  CHECK(clipped);
  CHECK(to_json(layers).size() == layers.size());
  CHECK_THROWS_WITH(layer_figures(model, nullptr, {}), Catch::Contains("at least one"));
}

TEST_CASE("layers of a network that is not quantised tell no rounding") {
  const Case& unet = case_named("unet");
  const Graph graph = unet.make();
  for (const LayerFigures& layer : layer_figures(graph, nullptr, {random_images(unet.input, 1)})) {
    CHECK_FALSE(layer.input.has_value());
    CHECK_FALSE(layer.weight_snr.has_value());
    CHECK(layer.kept > 0);
  }
}

TEST_CASE("histograms of gammas count every channel once") {
  const Json j = gamma_histogram({0, 0, 1, -1, 1.4, 1.5, 0.3, 1e-9, 1000});
  CHECK(j.at("zero") == 2);
  const auto counts = j.at("counts").get<std::vector<int>>();
  const int least = j.at("least").get<int>(), per_octave = j.at("per_octave").get<int>();
  int sum = 0;
  for (const int n : counts) sum += n;
  CHECK(sum == 7);
  const auto at = [&](double magnitude) {
    return counts[static_cast<size_t>(std::floor((std::log2(magnitude) - least) * per_octave))];
  };
  CHECK(at(1) == 3);  // with -1 and 1.4, below the root of 2
  CHECK(at(1.5) == 1);
  CHECK(at(0.3) == 1);
  CHECK(counts.front() == 1);
  CHECK(counts.back() == 1);
}

TEST_CASE("a log that goes on keeps the seconds of training") {
  const TempDir dir;
  write_text(dir / "log.jsonl",
             "{\"total_step\":10,\"seconds\":1.5}\n{\"total_step\":20,\"seconds\":3}\n"
             "{\"total_step\":30,\"seconds\":4");
  CHECK(RunLog(dir / "log.jsonl", 25).seconds() == 3);
  CHECK(RunLog(dir / "log.jsonl", 15).seconds() == 1.5);
  CHECK(RunLog(dir / "log.jsonl", -1).seconds() == 0);
  write_text(dir / "log.jsonl", "{\"total_step\":10,\"G\":1}\n");  // of gsx 0.1.0
  CHECK(RunLog(dir / "log.jsonl", 15).seconds() == 0);
}
