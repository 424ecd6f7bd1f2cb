// Model files: what is written is read back to the bit; nothing in a file is trusted.
#include <fstream>
#include <iterator>

#include "engine/io/safetensors.h"
#include "tests/models/helpers.h"
#include "tests/temp_dir.h"

using namespace gsx;

namespace {

std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

Graph small_generator(const ContextPtr& c, bool quantized, bool per_channel = true) {
  Graph graph = cyclegan({.width = 5, .blocks = 1});
  test::randomize(graph, c, 1);
  if (quantized) test::quantize(graph, {QuantGrid::int8, per_channel}, 4, false);
  graph.original_channels["model.1"] = 64;
  graph.provenance = {{"method", "gs8"}, {"rho", 0.01}};
  return graph;
}

// Writes the model with its JSON changed by `edit` and loads it.
template <class Edit>
void load_edited(const ContextPtr& c, const std::filesystem::path& folder, Edit&& edit) {
  save_model(small_generator(c, true), folder / "good.safetensors");
  const auto file = SafetensorsFile::open(folder / "good.safetensors");
  Json json = Json::parse(file.metadata().at("gsx_graph"));
  edit(json);
  SafetensorsWriter writer;
  writer.metadata["gsx_graph"] = json.dump();
  for (const std::string& name : file.names()) {
    writer.add(name, file.entry(name).dtype, file.entry(name).shape, file.bytes(name));
  }
  writer.write(folder / "bad.safetensors");
  load_model(c, folder / "bad.safetensors");
}

}  // namespace

TEST_CASE("models survive their files to the bit") {
  const auto c = test::context();
  const TempDir folder;
  for (const bool quantized : {false, true}) {
    for (const bool per_channel : {false, true}) {
      const Graph graph = small_generator(c, quantized, per_channel);
      save_model(graph, folder / "a.safetensors");
      const Graph again = load_model(c, folder / "a.safetensors");
      save_model(again, folder / "b.safetensors");
      CHECK(bytes_of(folder / "a.safetensors") == bytes_of(folder / "b.safetensors"));
      CHECK(file_bytes(graph) ==
            static_cast<int64_t>(std::filesystem::file_size(folder / "a.safetensors")));
      const Tensor x = test::image(c, {1, 3, 16, 20}, 2);
      CHECK(again.evaluate(x).to_vector() == graph.evaluate(x).to_vector());
      CHECK(again.architecture() == graph.architecture());
      CHECK(again.original_channels == graph.original_channels);
      CHECK(again.provenance == graph.provenance);
      CHECK(again.quantized() == quantized);
    }
  }
}

TEST_CASE("every architecture can be saved and loaded") {
  const auto c = test::context();
  const TempDir folder;
  const std::map<std::string, Json> small = {{"cyclegan", {{"width", 2}, {"blocks", 1}}},
                                             {"cyclegan_official", {{"width", 2}, {"blocks", 1}}},
                                             {"patchgan", {{"width", 2}, {"pooled", true}}},
                                             {"cartoongan", {{"width", 2}, {"blocks", 1}}},
                                             {"fast_style", {{"width", 2}, {"blocks", 1}}},
                                             {"unet", {{"width", 2}, {"layers", 2}}},
                                             {"style_aware", {{"width", 2}, {"blocks", 1}}},
                                             {"style_aware_discriminator", {{"width", 2}}},
                                             {"sngan", {{"width", 2}, {"latent", 3}}},
                                             {"sngan_discriminator", {{"width", 2}}},
                                             {"vgg16", {{"width", 2}}},
                                             {"vgg19", {{"width", 2}}},
                                             {"squeezenet", Json::object()},
                                             {"fid_inception", Json::object()}};
  for (const std::string& name : architecture_names()) {
    INFO(name);
    Graph graph = make_architecture(name, small.at(name));
    test::randomize(graph, c, 3);
    save_model(graph, folder / "m.safetensors");
    const Graph again = open_model(c, (folder / "m.safetensors").string());
    CHECK(again.input_format == graph.input_format);
    CHECK(again.output_format == graph.output_format);
    CHECK(again.feature_layers == graph.feature_layers);
    const Tensor x = test::image(c, graph.input_shapes(76, 76)[0], 4, graph.input_format.lo,
                                 graph.input_format.hi);
    const std::vector<Tensor> a = again.run(std::vector{x}), b = graph.run(std::vector{x});
    REQUIRE(a.size() == b.size());
    for (size_t i = 0; i < a.size(); ++i) CHECK(a[i].to_vector() == b[i].to_vector());
    CHECK(file_bytes(make_architecture(name, small.at(name))) == file_bytes(graph));
  }
}

TEST_CASE("every kind of node survives a file") {
  const auto c = test::context();
  const TempDir folder;
  Graph graph("mixture");
  graph.add(make_input("x", 3));
  graph.add(make_pad("pad", 0, {1, 2, 0, 1}, PadMode::reflect));
  graph.add(make_conv("conv", 1, {.in = 3, .out = 6, .kernel = 3, .options = {.stride = 2}}));
  graph.add(make_batch_norm("norm", 2, 6));
  graph.add(make_activation("leaky", 3, Activation::leaky_relu, 0.3f));
  graph.add(make_upsample("up", 4, 2));
  graph.add(make_max_pool("max", 5, {3, 2, 1, true, false}));
  graph.add(make_avg_pool("avg", 6, {2, 2, 0, false, true}));
  graph.add(make_affine("affine", 7, {1, 2, 3, 4, 5, 6}, {0.1f, 0, 0, 0, 0, 1e-5f}));
  graph.add(make_concat("twice", {8, 8}));
  graph.add(make_global_avg_pool("pool", 9));
  graph.add(make_reshape("flat", 10, 0));
  graph.add(make_quantize("q", 11, QuantGrid::official, 3.5f, true));
  graph.add(make_linear("linear", 12, 12, 5));
  graph.node(13).set_weight_quant(WeightQuant{QuantGrid::official, false});
  graph.add(make_activation("tanh", 13, Activation::tanh));
  test::randomize(graph, c, 5);
  save_model(graph, folder / "m.safetensors");
  const Graph again = load_model(c, folder / "m.safetensors");
  const Tensor x = test::image(c, {2, 3, 19, 24}, 6);
  CHECK(again.run(x).to_vector() == graph.run(x).to_vector());
  CHECK(again.evaluate(x).to_vector() == graph.evaluate(x).to_vector());
  save_model(again, folder / "n.safetensors");
  CHECK(bytes_of(folder / "m.safetensors") == bytes_of(folder / "n.safetensors"));
}

TEST_CASE("bare weights in half precision load, in PyTorch's layouts") {
  const auto c = test::context();
  const TempDir folder;
  Graph graph = cyclegan({.width = 2, .blocks = 0});
  test::randomize(graph, c, 7);
  SafetensorsWriter writer;
  for (const Parameter* p : graph.parameters()) {
    std::vector<int64_t> shape(p->shape.begin(), p->shape.end());
    if (p->file_transposed) std::swap(shape[0], shape[1]);
    // Element i of the file is i/64: exact in half precision.
    std::vector<uint8_t> halves;
    for (int64_t i = 0; i < p->shape.numel(); ++i) {
      const float v = static_cast<float>(i % 64) / 64;
      const auto bits = static_cast<uint32_t>(std::ilogb(v) + 15);
      const uint16_t half =
          v == 0
              ? 0
              : static_cast<uint16_t>(
                    bits << 10 | static_cast<uint32_t>((v / std::exp2(std::ilogb(v)) - 1) * 1024));
      halves.push_back(static_cast<uint8_t>(half & 255));
      halves.push_back(static_cast<uint8_t>(half >> 8));
    }
    writer.add(p->name, FileDType::f16, shape, halves);
  }
  writer.write(folder / "w.safetensors");
  load_weights(graph, c, folder / "w.safetensors");
  const Parameter* p = graph.parameter("model.13.weight");  // the second deconvolution, [2,4,3,3]
  REQUIRE(p->file_transposed);
  const auto values = p->value.to_vector();
  const int k = 1, in = 2, tap = 5;
  CHECK(values[(k * 4 + in) * 9 + tap] == static_cast<float>(((in * 2 + k) * 9 + tap) % 64) / 64);
}

TEST_CASE("malformed model files are refused") {
  const auto c = test::context();
  const TempDir folder;
  const auto refused = [&](const std::string& why, auto&& edit) {
    INFO(why);
    CHECK_THROWS_WITH(load_edited(c, folder.path(), edit), Contains(why));
  };
  CHECK_NOTHROW(load_edited(c, folder.path(), [](Json&) {}));
  refused("format", [](Json& j) { j["format"] = 99; });
  refused("not described", [](Json& j) { j.erase("nodes"); });
  refused("not described", [](Json& j) { j["taps"] = 3; });
  refused("unknown kind", [](Json& j) { j["nodes"][1]["kind"] = "convolution"; });
  refused("unique", [](Json& j) { j["nodes"][2]["name"] = "model.1"; });
  refused("earlier nodes", [](Json& j) { j["nodes"][2]["inputs"] = {7}; });
  refused("earlier nodes", [](Json& j) { j["nodes"][2]["inputs"] = {-1}; });
  refused("must have 1 inputs", [](Json& j) { j["nodes"][2]["inputs"] = {0, 1}; });
  refused("stride must lie in", [](Json& j) { j["nodes"][1]["attributes"]["stride"] = 0; });
  refused("kernel must lie in", [](Json& j) { j["nodes"][1]["attributes"]["kernel"] = 1 << 30; });
  refused("out must lie in", [](Json& j) { j["nodes"][1]["attributes"]["out"] = -3; });
  refused("takes 5 channels", [](Json& j) { j["nodes"][1]["attributes"]["out"] = 6; });
  refused("lacks the attribute pad", [](Json& j) { j["nodes"][1]["attributes"].erase("pad"); });
  refused("unknown pad_mode", [](Json& j) { j["nodes"][1]["attributes"]["pad_mode"] = "wrap"; });
  refused("eps must be above zero", [](Json& j) { j["nodes"][2]["attributes"]["eps"] = 0; });
  refused("p must be above zero", [](Json& j) { j["nodes"][4]["attributes"]["p"] = -4; });
  refused("black must be below", [](Json& j) { j["input"]["lo"] = 2; });
  refused("provenance, and onnx in it, must be", [](Json& j) { j["provenance"] = {1, 2}; });
  refused("provenance, and onnx in it, must be", [](Json& j) { j["provenance"] = "gs8"; });
  refused("provenance, and onnx in it, must be", [](Json& j) { j["provenance"] = nullptr; });
  refused("provenance, and onnx in it, must be", [](Json& j) { j["provenance"]["onnx"] = 3; });
  refused("missing extra.weight", [](Json& j) {
    j["nodes"].push_back({{"kind", "instance_norm"},
                          {"name", "extra"},
                          {"attributes", {{"channels", 3}, {"affine", true}, {"eps", 1e-5}}}});
  });
  refused("unexpected model.1.bias", [](Json& j) { j["nodes"][1]["attributes"]["bias"] = false; });

  SafetensorsWriter bare;
  bare.add("a", {1}, std::vector<float>{1});
  bare.write(folder / "bare.safetensors");
  CHECK_THROWS_WITH(load_model(c, folder / "bare.safetensors"), Contains("name its architecture"));
  SafetensorsWriter garbage;
  garbage.metadata["gsx_graph"] = "{";
  garbage.write(folder / "garbage.safetensors");
  CHECK_THROWS_AS(load_model(c, folder / "garbage.safetensors"), Error);
  Graph empty = cyclegan();
  CHECK_THROWS_WITH(save_model(empty, folder / "x.safetensors"), Contains("has no value"));
}

// The file was written by 0.1.0, format 1; the values are what that made of its integer program.
TEST_CASE("files of 0.1.0 load and give the same bits") {
  const auto c = test::context();
  const std::string folder = std::string(GSX_SOURCE_DIR) + "/tests/models/";
  const Graph graph = load_model(c, folder + "model_0_1_0.safetensors");
  CHECK(graph.outputs()[0].name == "tanh");
  CHECK(graph.original_channels.at("conv") == 64);
  const SafetensorsFile values = SafetensorsFile::open(folder + "model_0_1_0.values.safetensors");
  const Tensor x = Tensor::from(c, values.floats("x"), {1, 3, 9, 8});
  const bool same = graph.evaluate(x).to_vector() == values.floats("y");
  CHECK(same);
  CHECK(graph_to_json(graph).at("format") == 2);
}
