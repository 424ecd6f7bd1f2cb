// The values in model files: what is no number, or no variance, is refused by the tensor's name.
#include <cmath>
#include <cstring>
#include <limits>

#include "engine/io/safetensors.h"
#include "tests/models/helpers.h"
#include "tests/sealed_file.h"
#include "tests/temp_dir.h"

using namespace gsx;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

Graph normed(const ContextPtr& c) {
  Graph graph("normed");
  graph.add(make_input("x", 3));
  graph.add(make_conv("conv", 0, {.in = 3, .out = 4, .kernel = 3}));
  graph.add(make_batch_norm("norm", 1, 4));
  test::randomize(graph, c, 1);
  return graph;
}

// Saves the graph with one value of one parameter changed.
void save_with(Graph graph, const std::string& parameter, int at, float value,
               const std::filesystem::path& path) {
  Tensor& t = graph.parameter(parameter)->value;
  std::vector<float> values = t.to_vector();
  values[at] = value;
  t = Tensor::from(t.context(), values, t.shape(), t.layout());
  save_model(graph, path);
}

}  // namespace

TEST_CASE("models with numbers that are none are refused, the tensor and the file named") {
  const auto c = test::context();
  const TempDir folder;
  const auto path = folder / "m.safetensors";
  const auto refused = [&](const std::string& parameter, int at, float value) {
    INFO(parameter << " " << value);
    save_with(normed(c), parameter, at, value, path);
    CHECK_THROWS_WITH(load_model(c, path), Contains("m.safetensors: " + parameter + " must hold") &&
                                               Contains("element " + std::to_string(at)));
    Graph bare = normed(c);
    CHECK_THROWS_WITH(load_weights(bare, c, path), Contains("m.safetensors: " + parameter));
  };
  const Graph graph = normed(c);
  for (const Parameter* p : graph.parameters()) {
    refused(p->name, 0, kNan);
    refused(p->name, 3, kInf);
    refused(p->name, 1, -kInf);
  }
  refused("norm.running_var", 2, -1e-3f);

  // A channel that never varied, and a scale that turns a channel around or off.
  for (const auto& [parameter, value] :
       {std::pair("norm.running_var", 0.0f), {"norm.weight", -1.0f}, {"norm.weight", 0.0f}}) {
    save_with(normed(c), parameter, 0, value, path);
    CHECK_NOTHROW(load_model(c, path));
  }
}

TEST_CASE("steps of stored codes are finite and not negative; a filter of zeros has none") {
  const auto c = test::context();
  const TempDir folder;
  const auto path = folder / "m.safetensors";
  Graph graph = normed(c);
  graph.node(1).set_weight_quant(WeightQuant{QuantGrid::int8, true});
  graph.node(1).freeze_weight_scale();
  for (const float step : {kNan, kInf, -0.01f}) {
    INFO(step);
    save_with(graph, "conv.weight_scale", 2, step, path);
    CHECK_THROWS_WITH(load_model(c, path), Contains("conv.weight_scale must hold finite numbers"));
  }
  Tensor& weight = graph.parameter("conv.weight")->value;
  std::vector<float> values = weight.to_vector();
  std::fill(values.begin(), values.begin() + 27, 0.0f);
  weight = Tensor::from(c, values, weight.shape(), weight.layout());
  graph.node(1).freeze_weight_scale();
  save_model(graph, path);
  const Graph again = load_model(c, path);
  const Tensor x = test::image(c, {1, 3, 9, 9}, 2);
  CHECK(again.evaluate(x).to_vector() == graph.evaluate(x).to_vector());
}

TEST_CASE("numbers too large for a float count as infinite") {
  const auto c = test::context();
  const TempDir folder;
  Graph graph = normed(c);
  SafetensorsWriter writer;
  for (const Parameter* p : graph.parameters()) {
    std::vector<double> values(p->shape.numel(), 0.5);
    if (p->name == "conv.bias") values[1] = 1e300;
    std::vector<uint8_t> bytes(values.size() * 8);
    std::memcpy(bytes.data(), values.data(), bytes.size());
    writer.add(p->name, FileDType::f64, {p->shape.begin(), p->shape.end()}, bytes);
  }
  writer.write(folder / "w.safetensors");
  CHECK_THROWS_WITH(load_weights(graph, c, folder / "w.safetensors"),
                    Contains("conv.bias must hold finite numbers, element 1 of 4 is inf"));
}

TEST_CASE("models written before there were checksums still load") {
  const auto c = test::context();
  const TempDir folder;
  const Graph graph = normed(c);
  save_model(graph, folder / "now.safetensors");
  write_text(folder / "before.safetensors", unsealed(read_text(folder / "now.safetensors")));
  const Graph again = load_model(c, folder / "before.safetensors");
  const Tensor x = test::image(c, {1, 3, 9, 9}, 2);
  CHECK(again.evaluate(x).to_vector() == graph.evaluate(x).to_vector());
}

TEST_CASE("one flipped bit in a model is refused") {
  const auto c = test::context();
  const TempDir folder;
  const auto path = folder / "m.safetensors";
  save_model(normed(c), path);
  const std::string good = read_text(path);
  for (size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1 << at % 8);
    write_text(path, bad);
    INFO("byte " << at);
    CHECK_THROWS_WITH(load_model(c, path), Contains("m.safetensors"));
  }
}
