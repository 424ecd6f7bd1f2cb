// Grouped, depthwise and otherwise general convolutions as layers of graphs: ties, cuts, counts,
// files, the integer program.
#include <fstream>
#include <iterator>

#include "models/channels.h"
#include "models/integer.h"
#include "tests/models/helpers.h"
#include "tests/temp_dir.h"

using namespace gsx;

namespace {

std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Every kind of geometry that a layer may have.
Graph mixture() {
  Graph graph("mixture");
  int x = graph.add(make_input("x", 3));
  x = graph.add(make_conv(
      "tall", x,
      {.in = 3, .out = 12, .kernel = {5, 1}, .options = {.stride = {1, 2}, .pad = {2, 2, 0, 0}}}));
  x = graph.add(make_instance_norm("norm1", x, 12, true));
  x = graph.add(make_activation("act1", x, Activation::relu));
  x = graph.add(make_conv(
      "depthwise", x, {.in = 12, .out = 12, .options = {.pad = Padding::all(1), .groups = 12}}));
  x = graph.add(make_instance_norm("norm2", x, 12, true));
  x = graph.add(make_activation("act2", x, Activation::relu));
  x = graph.add(make_conv(
      "grouped", x,
      {.in = 12,
       .out = 8,
       .options = {
           .pad = Padding::all(2), .pad_mode = PadMode::replicate, .dilation = 2, .groups = 4}}));
  x = graph.add(make_instance_norm("norm3", x, 8, true));
  x = graph.add(make_pad("edge", x, {1, 0, 0, 1}, PadMode::replicate));
  x = graph.add(make_conv_transpose(
      "up", x,
      {.in = 8,
       .out = 6,
       .kernel = {3, 4},
       .options = {.stride = {1, 2}, .pad = {1, 1, 1, 1}, .dilation = {2, 1}, .groups = 2}}));
  x = graph.add(make_instance_norm("norm4", x, 6, true));
  graph.add(make_conv("out", x, {.in = 6, .out = 3, .kernel = 1}));
  return graph;
}

struct CutCase {
  const char* name;
  ConvSpec spec;
  bool transposed;
  std::vector<int> keep_in, keep_out;
};

// The channels `keep` of an image.
Tensor channels_of(const Tensor& x, const std::vector<int>& keep) {
  const std::vector<float> values = x.to_vector();
  const int64_t plane = x.dim(2) * x.dim(3);
  std::vector<float> kept;
  for (int64_t n = 0; n < x.dim(0); ++n)
    for (const int c : keep)
      kept.insert(kept.end(), values.begin() + (n * x.dim(1) + c) * plane,
                  values.begin() + (n * x.dim(1) + c + 1) * plane);
  return Tensor::from(x.context(), kept,
                      {x.dim(0), static_cast<int64_t>(keep.size()), x.dim(2), x.dim(3)});
}

void check_cut(const CutCase& item, bool quantized) {
  INFO(item.name << (quantized ? " quantised" : ""));
  const auto c = test::context();
  const auto layer = [&](int at) {
    return item.transposed ? make_conv_transpose("layer", at, item.spec)
                           : make_conv("layer", at, item.spec);
  };
  Graph graph("whole");
  graph.input_format = {-8, 9, false};  // no grid: the image stays as it is
  int at = graph.add(make_input("x", item.spec.in));
  if (quantized) at = graph.add(make_quantize("q", at, QuantGrid::int8, 4, true));
  graph.add(layer(at));
  if (quantized) graph.node(graph.output()).set_weight_quant(WeightQuant{});
  test::randomize(graph, c, 3);

  // What is dropped is constant: 0 where a depthwise layer sees it, since there nothing folds.
  std::vector<float> values = test::image(c, {2, item.spec.in, 7, 8}, 4).to_vector();
  std::vector<float> constants;
  for (int k = 0; k < item.spec.in; ++k) {
    constants.push_back(0.1f * static_cast<float>(k - 3));
    if (std::count(item.keep_in.begin(), item.keep_in.end(), k)) continue;
    for (int n = 0; n < 2; ++n)
      std::fill_n(values.begin() + (n * item.spec.in + k) * 56, 56, constants.back());
  }
  const Tensor x = Tensor::from(c, values, {2, item.spec.in, 7, 8});

  ChannelCut cut;
  cut.keep_inputs = {item.keep_in};
  cut.keep_output = item.keep_out;
  if (quantized) {
    auto& quantizer = dynamic_cast<Quantize&>(graph.node(1));
    cut.step = quantizer.range().scale;
    for (float& v : constants)
      v = *quantizer.constant(0, std::vector{std::optional<float>(v)}, true);
  }
  cut.input_constants = {constants};
  Graph small("small");
  small.input_format = graph.input_format;
  small.add(make_input("x", static_cast<int>(item.keep_in.size())));
  if (quantized) small.add(graph.node(1).clone());
  small.add(graph.node(graph.output()).clone());
  small.node(small.output()).cut(cut);
  const Tensor narrow = channels_of(x, item.keep_in);
  const Tensor want = channels_of(graph.run(x), item.keep_out);
  CHECK(test::difference(small.run(narrow), want) <= 2e-6 * (1 + test::largest(want.to_vector())));
  if (quantized) {
    const bool equal = small.evaluate(narrow).to_vector() ==
                       channels_of(graph.evaluate(x), item.keep_out).to_vector();
    CHECK(equal);
  }
}

}  // namespace

TEST_CASE("groups cut evenly and depthwise layers cut through compute what they did") {
  const ConvSpec grouped{
      .in = 8, .out = 6, .options = {.stride = {2, 1}, .pad = {1, 0, 2, 1}, .groups = 2}};
  ConvSpec edges{
      .in = 8,
      .out = 6,
      .kernel = {3, 2},
      .options = {
          .pad = Padding::all(2), .pad_mode = PadMode::replicate, .dilation = {2, 3}, .groups = 2}};
  const ConvSpec spread{
      .in = 8, .out = 6, .options = {.stride = 2, .pad = {2, 1, 1, 0}, .dilation = 2, .groups = 2}};
  const ConvSpec each{.in = 7, .out = 7, .options = {.pad = Padding::all(1), .groups = 7}};
  for (const bool quantized : {false, true}) {
    for (const CutCase& item : {CutCase{"grouped", grouped, false, {1, 3, 5, 7}, {0, 2, 3, 5}},
                                {"one left", edges, false, {2, 6}, {1, 4}},
                                {"edges", edges, false, {0, 1, 3, 4, 5, 7}, {0, 1, 2, 3, 4, 5}},
                                {"spread", spread, true, {1, 3, 5, 7}, {0, 2, 3, 5}},
                                {"depthwise", each, false, {0, 2, 3, 6}, {0, 2, 3, 6}},
                                {"depthwise to one", each, false, {4}, {4}}}) {
      check_cut(item, quantized);
    }
  }
}

TEST_CASE("uneven cuts of groups are refused") {
  const auto c = test::context();
  const auto cut = [&](const ConvSpec& spec, std::vector<int> in, std::vector<int> out) {
    Graph graph("whole");
    graph.add(make_input("x", spec.in));
    graph.add(make_conv("layer", 0, spec));
    test::randomize(graph, c, 3);
    ChannelCut what;
    what.keep_inputs = {std::move(in)};
    what.keep_output = std::move(out);
    what.input_constants = {std::vector<float>(static_cast<size_t>(spec.in), 0.0f)};
    graph.node(1).cut(what);
  };
  const ConvSpec grouped{.in = 4, .out = 4, .options = {.groups = 2}};
  CHECK_THROWS_WITH(cut(grouped, {0, 1, 2}, {0, 2}), Contains("must keep equally many channels"));
  CHECK_THROWS_WITH(cut(grouped, {0, 2}, {0, 1}), Contains("must keep equally many channels"));
  const ConvSpec each{.in = 3, .out = 3, .options = {.groups = 3}};
  CHECK_THROWS_WITH(cut(each, {0, 1}, {1, 2}), Contains("same channels on both sides"));
  CHECK_THROWS_WITH(make_conv("odd", 0, {.in = 4, .out = 4, .options = {.groups = 3}}),
                    Contains("must divide its 4 input and 4 output channels, got 3"));
}

TEST_CASE("channels are tied through depthwise layers and across groups") {
  const Graph graph = mixture();
  const ChannelTies ties(graph, graph.infer_shapes(graph.example_inputs()));
  const auto group = [&](const char* name, int channel) {
    return ties.group(graph.find(name), channel);
  };
  CHECK(group("tall", 5) == group("norm2", 5));
  CHECK(group("tall", 5) == group("tall", 8));  // by the grouped layer's 4 groups of 3
  CHECK(group("tall", 5) != group("tall", 4));
  CHECK(group("grouped", 1) == group("grouped", 3));
  CHECK(group("grouped", 1) != group("norm2", 1));
  CHECK(group("up", 0) == group("up", 3));
  CHECK(group("up", 0) != group("up", 1));
}

TEST_CASE("general convolutions are counted") {
  const Graph graph = mixture();
  const Cost cost = graph.cost({1, 3, 16, 16});
  const auto layer = [&](const std::string& name) {
    return *std::find_if(cost.layers.begin(), cost.layers.end(),
                         [&](const LayerCost& l) { return l.name == name; });
  };
  CHECK(layer("tall").output == Shape{1, 12, 16, 8});
  CHECK(layer("tall").macs.true_macs == 3 * 12 * 5 * 16 * 8);
  CHECK(layer("depthwise").params == 12 * 9 + 12);
  CHECK(layer("depthwise").macs.true_macs == 12 * 9 * 16 * 8);
  CHECK(layer("grouped").params == 8 * 3 * 9 + 8);
  CHECK(layer("grouped").macs.true_macs == 8 * 3 * 9 * 16 * 8);
  CHECK(layer("up").output == Shape{1, 6, 19, 18});
  CHECK(layer("up").macs.true_macs == 6 * 4 * 12 * 17 * 9);
  CHECK(layer("up").macs.paper_macs == 6 * 4 * 12 * 19 * 18);
}

TEST_CASE("general convolutions survive files") {
  const auto c = test::context();
  const TempDir folder;
  for (const bool quantized : {false, true}) {
    Graph graph = mixture();
    test::randomize(graph, c, 6);
    if (quantized) test::quantize(graph, {}, 4, true);
    save_model(graph, folder / "a.safetensors");
    const Graph again = load_model(c, folder / "a.safetensors");
    save_model(again, folder / "b.safetensors");
    CHECK(bytes_of(folder / "a.safetensors") == bytes_of(folder / "b.safetensors"));
    const Tensor x = test::image(c, {1, 3, 17, 20}, 7);
    CHECK(again.evaluate(x).to_vector() == graph.evaluate(x).to_vector());
  }
  Json json = graph_to_json(mixture());
  json["nodes"][1]["attributes"]["stride"] = {1, 2, 3};
  CHECK_THROWS_WITH(graph_from_json(json), Contains("stride must be a list of 2 to 2 numbers"));
  json = graph_to_json(mixture());
  json["nodes"][4]["attributes"]["groups"] = 5;
  CHECK_THROWS_WITH(graph_from_json(json), Contains("must divide its 12 input and 12 output"));
}

TEST_CASE("the integer program takes general convolutions") {
  std::vector<float> first;
  for (const int threads : {1, 3}) {
    const auto c = test::context(threads);
    Graph graph = mixture();
    test::randomize(graph, c, 8);
    test::quantize(graph, {}, 4, true);
    const Tensor x = test::image(c, {2, 3, 17, 20}, 9);
    int sums = 0;
    lower(graph, false).run({x}, [&](int, const IntegerValue& v) {
      sums += v.kind == IntegerValue::Kind::accumulators;
    });
    CHECK(sums == 5);
    const std::vector<float> got = graph.evaluate(x).to_vector(), want = graph.run(x).to_vector();
    CHECK(test::largest_difference(got, want) <= 0.05 * test::largest(want));
    if (first.empty()) first = got;
    CHECK((got == first));
  }
}
