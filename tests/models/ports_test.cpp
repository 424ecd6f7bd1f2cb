// Graphs with several inputs and outputs: images and vectors go in, several values come out.
#include "models/integer.h"
#include "models/memory_need.h"
#include "tests/models/helpers.h"
#include "tests/temp_dir.h"

using namespace gsx;

namespace {

// An image and a vector in; an image, a score and something in the middle out.
Graph conditional() {
  Graph graph("conditional");
  const int image = graph.add(make_input("photo", 3));
  const int z = graph.add(make_vector_input("z", 6));
  const int lifted = graph.add(make_linear("lift", z, 6, 4 * 8 * 8));
  const int plane = graph.add(make_reshape("plane", lifted, 4, 8, 8));
  const int grown = graph.add(make_upsample("grown", plane, 8));
  const int conv = graph.add(make_conv("conv", image, {.in = 3, .out = 5, .kernel = 1}));
  const int both = graph.add(make_concat("both", {conv, grown}));
  const int norm = graph.add(make_instance_norm("norm", both, 9, true));
  const int act = graph.add(make_activation("act", norm, Activation::relu));
  const int head = graph.add(make_conv("head", act, {.in = 9, .out = 1, .kernel = 3}));
  const int score = graph.add(make_global_avg_pool("score", head));
  graph.add(make_conv("image", act, {.in = 9, .out = 3, .kernel = 1}));
  graph.set_outputs({{"painted", graph.size() - 1}, {"realness", score}, {"inner", norm}});
  return graph;
}

std::vector<Tensor> inputs(const ContextPtr& c) {
  return {test::image(c, {2, 3, 64, 64}, 2), test::image(c, {2, 6}, 3)};
}

}  // namespace

TEST_CASE("lists of inputs give lists of outputs") {
  const auto c = test::context();
  Graph graph = conditional();
  test::randomize(graph, c, 1);
  const std::vector<Tensor> xs = inputs(c);
  const std::vector<Tensor> ys = graph.run(xs);
  REQUIRE(ys.size() == 3);
  CHECK(ys[0].shape() == Shape{2, 3, 64, 64});
  CHECK(ys[1].shape() == Shape{2, 1, 1, 1});
  CHECK(ys[2].shape() == Shape{2, 9, 64, 64});
  CHECK(graph.run(xs, {.fused = false})[2].to_vector() == ys[2].to_vector());
  CHECK(graph.evaluate(xs)[1].to_vector() == ys[1].to_vector());
  CHECK(graph.run_layers(xs, {"head", "norm"})[1].to_vector() == ys[2].to_vector());

  // By hand: what one input alone would have made of it.
  Graph alone("alone");
  alone.add(make_input("photo", 3));
  alone.add(make_conv("conv", 0, {.in = 3, .out = 5, .kernel = 1}));
  alone.parameter("conv.weight")->value = graph.parameter("conv.weight")->value;
  alone.parameter("conv.bias")->value = graph.parameter("conv.bias")->value;
  const Tensor half = instance_norm(
      alone.run(xs[0]),
      Tensor::from(c,
                   [&] {
                     std::vector<float> v = graph.parameter("norm.weight")->value.to_vector();
                     v.resize(5);
                     return v;
                   }(),
                   {5}),
      Tensor::from(c,
                   [&] {
                     std::vector<float> v = graph.parameter("norm.bias")->value.to_vector();
                     v.resize(5);
                     return v;
                   }(),
                   {5}));
  const std::vector<float> want = half.to_vector(), got = ys[2].to_vector();
  double worst = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    const size_t plane = 64 * 64, image = i / (5 * plane), rest = i % (5 * plane);
    worst = std::max(worst, std::fabs(double{want[i]} - got[image * 9 * plane + rest]));
  }
  CHECK(worst < 1e-5);
}

TEST_CASE("graphs with several inputs or outputs say so where one is asked for") {
  const auto c = test::context();
  Graph graph = conditional();
  test::randomize(graph, c, 1);
  const std::vector<Tensor> xs = inputs(c);
  CHECK(graph.inputs() == std::vector{0, 1});
  CHECK(graph.outputs()[1].name == "realness");
  CHECK_THROWS_WITH(graph.output(), Contains("must have one output here, got 3"));
  CHECK_THROWS_WITH(graph.example_input(), Contains("must have one input here, got 2"));
  CHECK_THROWS_WITH(graph.run(xs[0]), Contains("must have one output"));
  CHECK_THROWS_WITH(graph.run(std::vector{xs[0]}), Contains("takes 2 inputs, got 1"));
  CHECK_THROWS_WITH(graph.run({xs[1], xs[0]}), Contains("must have 4 dimensions"));
  CHECK_THROWS_WITH(graph.cost({1, 3, 64, 64}), Contains("takes 2 inputs (photo, z)"));
}

TEST_CASE("shapes, costs and needs are told of lists of inputs") {
  const auto c = test::context();
  const Graph graph = conditional();
  CHECK(graph.example_inputs() == std::vector<Shape>{{1, 3, 64, 64}, {1, 6}});
  CHECK(graph.input_shapes(32, 16) == std::vector<Shape>{{1, 3, 32, 16}, {1, 6}});
  const Cost cost = graph.cost(graph.example_inputs());
  CHECK(cost.macs.true_macs == 6 * 256 + (15 + 27) * 64 * 64 + 81 * 62 * 62);
  CHECK(cost.params == 6 * 256 + 256 + 15 + 5 + 18 + 81 + 1 + 27 + 3);
  CHECK(graph.to_string(graph.example_inputs()).find("lift") != std::string::npos);
  // Outputs are held to the end.
  CHECK(evaluation_bytes(graph, graph.example_inputs()) >= 4.0 * (3 + 16 + 1) * 64 * 64);
}

TEST_CASE("outputs follow their nodes") {
  const auto c = test::context();
  Graph graph = conditional();
  test::randomize(graph, c, 4);
  const std::vector<Tensor> xs = inputs(c);
  const std::vector<Tensor> before = graph.run(xs);
  graph.insert_before(graph.find("head"), 0, make_affine("same", 0, {1}, {0}));
  graph.insert_after(graph.find("norm"), make_affine("twice", 0, {2}, {0}));
  CHECK(graph.outputs()[2].node == graph.find("twice"));
  CHECK(graph.outputs()[2].name == "inner");
  CHECK(test::difference(graph.run(xs)[2], affine(before[2], 2, 0)) == 0);
  CHECK_THROWS_WITH(graph.redirect(graph.find("score"), 0), Contains("is an output"));

  Graph less = conditional();
  less.set_outputs({{"z", less.find("plane")}});
  less.remove_unreachable();
  CHECK(less.size() == 4);  // both inputs stay
  CHECK(less.output() == less.find("plane"));
}

TEST_CASE("several inputs and outputs survive files") {
  const auto c = test::context();
  const TempDir folder;
  for (const bool quantized : {false, true}) {
    Graph graph = conditional();
    test::randomize(graph, c, 5);
    if (quantized) test::quantize(graph, {}, 4, true);
    save_model(graph, folder / "m.safetensors");
    const Graph again = load_model(c, folder / "m.safetensors");
    REQUIRE(again.outputs().size() == 3);
    CHECK(again.outputs()[0].name == "painted");
    const std::vector<Tensor> xs = inputs(c);
    const std::vector<Tensor> want = graph.evaluate(xs), got = again.evaluate(xs);
    for (size_t i = 0; i < want.size(); ++i) CHECK(got[i].to_vector() == want[i].to_vector());
  }
  Json json = Json::parse(graph_to_json(conditional()).dump());
  CHECK(json.at("format") == 2);
  json["outputs"][0]["node"] = 99;
  CHECK_THROWS_WITH(graph_from_json(json), Contains("node must lie in"));
  json["outputs"] = 3;
  CHECK_THROWS_WITH(graph_from_json(json), Contains("outputs must be a list"));
  CHECK(!graph_to_json(cyclegan()).contains("outputs"));
}
