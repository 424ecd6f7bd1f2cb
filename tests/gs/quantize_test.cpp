// Where quantisers go, and how their ranges are found.
#include "gs/quantize.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "engine/io/image.h"
#include "gs/images.h"
#include "gs/magnitudes.h"
#include "tests/catch.h"
#include "tests/data.h"
#include "tests/gs/graphs.h"

using namespace gsx;
using namespace gsx::test;

namespace {

std::vector<const Quantize*> quantizers(const Graph& graph) {
  std::vector<const Quantize*> found;
  for (int i = 0; i < graph.size(); ++i)
    if (const auto* q = dynamic_cast<const Quantize*>(&graph.node(i))) found.push_back(q);
  return found;
}

// Exactly what share q of |values| does not exceed.
float exact_quantile(std::vector<float> values, double q) {
  for (float& v : values) v = std::fabs(v);
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(q * static_cast<double>(values.size() - 1))];
}

}  // namespace

TEST_CASE("every layer but the image's reader is quantised at its input") {
  Graph graph = case_named("cyclegan").make();
  insert_quantizers(graph, {.act_range = 4});
  const std::vector<const Quantize*> found = quantizers(graph);
  CHECK(found.size() == 2 + 4 + 2 + 1);
  for (int i = 0; i < graph.size(); ++i) {
    const Node& node = graph.node(i);
    if (!node.has_weight()) continue;
    CHECK(node.weight_quant().has_value());
    const bool quantized = graph.node(node.inputs[0]).kind() == "quantize";
    CHECK(quantized == (node.name != "model.1"));
  }
  for (const Quantize* q : found) {
    CHECK(q->p == 4);
    CHECK_FALSE(q->is_signed);
  }
  const int size = graph.size();
  insert_quantizers(graph, {.act_range = 4});
  CHECK(graph.size() == size);
}

TEST_CASE(
    "a picture padded or scaled first is still read unquantised; shared inputs share a quantiser") {
  Graph graph = case_named("branches").make();
  insert_quantizers(graph, {});
  CHECK(graph.node(graph.node(graph.find("c1")).inputs[0]).kind() == "pad");
  CHECK(graph.node(graph.find("c2")).inputs == graph.node(graph.find("c3")).inputs);
  CHECK(quantizers(graph).size() == 4);
  Graph squeeze = squeezenet();
  insert_quantizers(squeeze, {});
  CHECK(squeeze.node(squeeze.node(squeeze.find("features.0")).inputs[0]).kind() == "affine");
}

TEST_CASE("quantisers use the grid of the weights") {
  Graph graph = case_named("unet").make();
  insert_quantizers(graph, {.weights = {.grid = QuantGrid::paper, .per_channel = false}});
  for (const Quantize* q : quantizers(graph)) CHECK(q->grid == QuantGrid::paper);
  CHECK(graph.node(graph.find("m")).weight_quant()->grid == QuantGrid::paper);
  CHECK_FALSE(graph.node(graph.find("m")).weight_quant()->per_channel);
}

TEST_CASE("calibrated ranges are the quantiles of the full-precision inputs") {
  for (const std::string name : {"cyclegan", "branches", "unet"}) {
    const Case& c = case_named(name);
    const Graph plain = c.make();
    Graph graph = plain;
    RunOptions unfused;
    unfused.fused = false;
    const QuantizeOptions options{.weights = {}, .percentile = 0.99};
    insert_quantizers(graph, options);
    const std::vector<Tensor> batches = {random_images(c.input, 1), random_images(c.input, 2)};
    calibrate(graph, batches, options);
    for (const Quantize* q : quantizers(graph)) {
      const std::string source = graph.node(q->inputs[0]).name;
      std::vector<float> values;
      for (const Tensor& x : batches) {
        const std::vector<float> more = plain.run_taps(x, {source}, unfused)[0].to_vector();
        values.insert(values.end(), more.begin(), more.end());
      }
      INFO(name << " " << q->name);
      CHECK(q->p == Approx(exact_quantile(values, 0.99)).epsilon(0.02));
      const auto negative =
          std::count_if(values.begin(), values.end(), [](float v) { return v < 0; });
      CHECK(q->is_signed ==
            (static_cast<double>(negative) > 0.01 * static_cast<double>(values.size())));
    }
  }
}

TEST_CASE("calibration refuses no pictures and survives inputs of zeros") {
  const Case& c = case_named("zero_padded");
  Graph graph = c.make();
  insert_quantizers(graph, {});
  CHECK_THROWS_WITH(calibrate(graph, {}, {}),
                    "calibrate: there must be at least one batch, got none");
  for (Parameter* p : graph.parameters())
    if (p->role == Role::norm_scale || p->role == Role::norm_shift) p->value.fill(0);
  calibrate(graph, {random_images(c.input, 1)}, {});
  for (const Quantize* q : quantizers(graph)) CHECK(q->p > 0);
}

TEST_CASE("magnitudes find quantiles in any order and range of values") {
  Rng rng(3);
  for (const float scale : {1e-6f, 1.0f, 3e5f}) {
    std::vector<float> values(20000);
    for (float& v : values) v = scale * rng.normal();
    values[0] = 0;
    Magnitudes m;
    m.add(std::span(values).first(7));
    m.add(std::span(values).subspan(7));
    for (const double q : {0.5, 0.9, 0.9995}) {
      const float want = exact_quantile(values, q);
      CHECK(m.quantile(q) == Approx(want).margin(0.004 * want));
    }
    CHECK(m.quantile(1) == exact_quantile(values, 1));
    CHECK(m.negative_share() == Approx(0.5).margin(0.02));
    CHECK(m.count() == 20000);
  }
  Magnitudes zeros;
  zeros.add(std::vector<float>(5, 0.0f));
  CHECK(zeros.quantile(0.5) == 0);
  CHECK_THROWS_WITH(zeros.add(std::vector<float>{NAN}),
                    "calibrate: activations must be finite, got nan");
}

TEST_CASE("frozen weight scales are those of the weights") {
  Graph graph = case_named("cyclegan").make();
  insert_quantizers(graph, {.act_range = 4});
  freeze_weight_scales(graph);
  const Node& conv = graph.node(graph.find("model.4"));
  const Parameter* stored = conv.parameter(Role::weight_scale);
  REQUIRE(stored);
  CHECK(stored->value.to_vector() ==
        weight_scales(conv.parameter(Role::weight)->value, *conv.weight_quant()).to_vector());
}

TEST_CASE("calibrated on photos, a real teacher in 8 bits stays within two grey levels of itself",
          "[data]") {
  const Graph teacher = open_model(
      context(),
      "fast_style:" + (require_data() / "teachers/fst_wave/weights.safetensors").string());
  const auto photo = [&](const std::string& name) {
    const Image picture = read_image(require_data() / "photos" / (name + "_128.png"));
    return to_tensor(context(), picture, {0, 255, false});
  };
  Graph quantized = teacher;
  insert_quantizers(quantized, {});
  calibrate(quantized, {photo("astronaut"), photo("coffee")}, {});
  const Tensor x = photo("chelsea");
  CHECK(image_difference(quantized.evaluate(x), teacher.run(x), teacher.output_format).mean_abs <
        2);
}
