// Weights of 4 bits in model files: two values a byte, read back to the bit.
#include "models/stored.h"

#include <fstream>
#include <iterator>

#include "tests/models/helpers.h"
#include "tests/temp_dir.h"

using namespace gsx;

namespace {

std::string content_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Convolutions of every form, with odd counts of weights: in groups, depthwise, transposed, a
// linear layer.
Graph mixture(const ContextPtr& c, const WeightQuant& weights) {
  Graph graph("mixture");
  graph.add(make_input("x", 3));
  graph.add(make_conv("odd", 0, {.in = 3, .out = 9, .kernel = 3}));
  graph.add(make_conv("grouped", 1, {.in = 9, .out = 3, .kernel = 1, .options = {.groups = 3}}));
  graph.add(make_conv("depthwise", 2, {.in = 3, .out = 3, .kernel = 3, .options = {.groups = 3}}));
  graph.add(
      make_conv_transpose("up", 3, {.in = 3, .out = 5, .kernel = 3, .options = {.stride = 2}}));
  graph.add(make_global_avg_pool("pool", 4));
  graph.add(make_reshape("flat", 5, 0));
  graph.add(make_linear("linear", 6, 5, 3));
  test::randomize(graph, c, 3);
  test::quantize(graph, weights, 4, true);
  return graph;
}

// n values from -8 to 7.
std::vector<int8_t> random_codes(size_t n, uint64_t seed) {
  Rng rng(seed);
  std::vector<int8_t> codes(n);
  for (int8_t& code : codes) code = static_cast<int8_t>(static_cast<int>(rng.below(16)) - 8);
  return codes;
}

}  // namespace

TEST_CASE("nibbles: as the layout says, and back") {
  CHECK(packed_nibbles({}).empty());
  CHECK(packed_nibbles({1}) == std::vector<uint8_t>{0x01});
  CHECK(packed_nibbles({-1, 7, -8}) == std::vector<uint8_t>{0x7f, 0x08});
  for (const size_t n : {1, 2, 3, 7, 33, 256}) {
    const std::vector<int8_t> codes = random_codes(n, n);
    const std::vector<uint8_t> bytes = packed_nibbles(codes);
    REQUIRE(bytes.size() == (n + 1) / 2);
    CHECK(unpacked_nibbles(bytes, n) == codes);
    for (size_t i = 0; i < n; ++i)  // by arithmetic instead of shifts
      CHECK((bytes[i / 2] / (i % 2 == 0 ? 1 : 16) - codes[i]) % 16 == 0);
    if (n % 2 == 1) CHECK(bytes.back() < 16);
  }
}

TEST_CASE("weights of 4 bits survive their files to the bit, in half the bytes") {
  const auto c = test::context();
  const TempDir folder;
  for (const bool per_channel : {true, false}) {
    INFO("per channel: " << per_channel);
    const Graph graph = mixture(c, {.per_channel = per_channel, .bits = 4});
    save_model(graph, folder / "a.safetensors");
    CHECK(file_bytes(graph) ==
          static_cast<int64_t>(std::filesystem::file_size(folder / "a.safetensors")));
    const SafetensorsFile file = SafetensorsFile::open(folder / "a.safetensors");
    CHECK(Json::parse(file.metadata().at("gsx_graph")).at("format") == 3);
    for (const char* name : {"odd", "grouped", "depthwise", "up", "linear"}) {
      const Node& node = graph.node(graph.find(name));
      const Parameter* p = node.parameter(Role::weight);
      CHECK(file.entry(p->name).dtype == FileDType::u8);
      CHECK(file.entry(p->name).shape == std::vector<int64_t>{(p->shape.numel() + 1) / 2});
    }
    const Graph again = load_model(c, folder / "a.safetensors");
    save_model(again, folder / "b.safetensors");
    CHECK(content_of(folder / "a.safetensors") == content_of(folder / "b.safetensors"));
    const Tensor x = test::image(c, {2, 3, 9, 7}, 2);
    CHECK(again.evaluate(x).to_vector() == graph.evaluate(x).to_vector());
    CHECK(again.run(x).to_vector() == graph.run(x).to_vector());
    const Graph packed = load_model(c, folder / "a.safetensors", true);
    CHECK(packed.evaluate(x).to_vector() == graph.evaluate(x).to_vector());
    const Cost cost = graph.cost({1, 3, 9, 7});
    CHECK(cost.layers.at(0).weight_bits == 4);
    CHECK(cost.layers.at(0).weight_bytes == (3 * 9 * 9 + 1) / 2);
  }
}

TEST_CASE("files of 8-bit models stay of format 2") {
  const auto c = test::context();
  const Json json = graph_to_json(mixture(c, {}));
  CHECK(json.at("format") == 2);
  CHECK(json.dump().find("bits") == std::string::npos);
}

TEST_CASE("4-bit weights that are not packed as said are refused") {
  const auto c = test::context();
  const TempDir folder;
  save_model(mixture(c, {.bits = 4}), folder / "good.safetensors");
  const SafetensorsFile file = SafetensorsFile::open(folder / "good.safetensors");
  const auto refused = [&](const std::string& why, auto&& bits, FileDType dtype, int64_t size) {
    Json json = Json::parse(file.metadata().at("gsx_graph"));
    json["nodes"][1]["attributes"]["weights"]["bits"] = bits;
    SafetensorsWriter writer;
    writer.metadata["gsx_graph"] = json.dump();
    for (const std::string& name : file.names()) {
      if (name == "odd.weight")
        writer.add(name, dtype, {size}, std::vector<uint8_t>(static_cast<size_t>(size)));
      else writer.add(name, file.entry(name).dtype, file.entry(name).shape, file.bytes(name));
    }
    writer.write(folder / "bad.safetensors");
    CHECK_THROWS_WITH(load_model(c, folder / "bad.safetensors"), Contains(why));
  };
  refused("bits must lie in [4, 4], got 3", 3, FileDType::u8, 122);
  refused("odd.weight has shape [121] instead of [122]", 4, FileDType::u8, 121);
  refused("odd.weight must hold 4-bit codes, two a byte", 4, FileDType::i8, 122);
}
