// Weights of 4 bits in model files against PyTorch's quantisers and ONNX's packing.
#include "engine/io/safetensors.h"
#include "models/graph.h"
#include "models/nodes.h"
#include "models/values.h"
#include "tests/catch.h"
#include "tests/devices.h"
#include "tests/golden/golden_file.h"
#include "tests/temp_dir.h"

using namespace gsx;

namespace {

// A network of one layer whose weight has the case's shape in files.
Graph one_layer(const std::string& name, const Shape& file_shape) {
  const auto channels = [&](int d) { return static_cast<int>(file_shape[d]); };
  Graph graph("one");
  if (name.starts_with("linear")) {
    graph.add(make_input("x", channels(1)));
    graph.add(make_global_avg_pool("pool", 0));
    graph.add(make_reshape("flat", 1, 0));
    graph.add(make_linear("layer", 2, channels(1), channels(0)));
  } else if (name.starts_with("conv_transpose")) {
    graph.add(make_input("x", channels(0)));
    graph.add(make_conv_transpose("layer", 0,
                                  {.in = channels(0), .out = channels(1), .kernel = channels(2)}));
  } else {
    graph.add(make_input("x", channels(1)));
    graph.add(
        make_conv("layer", 0, {.in = channels(1), .out = channels(0), .kernel = channels(2)}));
  }
  return graph;
}

}  // namespace

TEST_CASE("weights of 4 bits lie in files as PyTorch rounds and ONNX packs them", "[golden]") {
  const golden::File golden("weight_bits.safetensors");
  const auto context = Context::create();
  const TempDir folder;
  REQUIRE(golden.cases().size() == 6);
  for (const auto& item : golden.cases()) {
    const std::string name = item.at("name");
    INFO(name);
    const golden::Entry& weight = golden.at(name + ".weight");
    Graph graph = one_layer(name, weight.shape);
    Rng rng(1);
    graph.initialize(context, rng, {});
    Node& node = graph.node(graph.find("layer"));
    set_file_values(*node.parameter(Role::weight), context, weight.values, name);
    node.set_weight_quant(
        WeightQuant{.per_channel = item.at("per_channel").get<bool>(), .bits = 4});
    save_model(graph, folder / "one.safetensors");

    const SafetensorsFile file = SafetensorsFile::open(folder / "one.safetensors");
    const std::vector<uint8_t> bytes = file.bytes("layer.weight");
    const std::vector<float>& packed = golden.at(name + ".bytes").values;
    CHECK(std::vector<float>(bytes.begin(), bytes.end()) == packed);
    CHECK(golden::relative_error(file.floats("layer.weight_scale"),
                                 golden.at(name + ".steps").values) <= 1e-7);
    const Graph again = load_model(context, folder / "one.safetensors");
    const Parameter* p = again.node(again.find("layer")).parameter(Role::weight);
    CHECK(golden::relative_error(file_values(*p), golden.at(name + ".values").values) <= 1e-6);
  }
}
