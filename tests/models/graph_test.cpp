// Graphs: structure, running with and without fusion, feature layers, and when values are let go.
#include "models/channels.h"
#include "tests/models/helpers.h"

using namespace gsx;

TEST_CASE("graphs refuse what does not fit") {
  Graph graph("test");
  CHECK_THROWS_WITH(graph.add(make_activation("a", 0, Activation::relu)),
                    Contains("must not be the first node"));
  graph.add(make_input("x", 3));
  auto reading = make_input("y", 3);
  reading->inputs = {0};
  CHECK_THROWS_WITH(graph.add(std::move(reading)), Contains("must read nothing"));
  CHECK_THROWS_WITH(graph.add(make_activation("x", 0, Activation::relu)), Contains("unique"));
  CHECK_THROWS_WITH(graph.add(make_activation("a", 1, Activation::relu)),
                    Contains("earlier nodes"));
  CHECK_THROWS_WITH(graph.infer_shapes({1, 4, 8, 8}), Contains("takes 3 channels"));
  CHECK_THROWS_WITH(graph.infer_shapes({{1, 3, 8, 8}, {1, 3, 8, 8}}),
                    Contains("takes 1 input (x)"));
  CHECK_THROWS_WITH(graph.set_outputs({}), Contains("at least one output"));
  CHECK_THROWS_WITH(graph.set_outputs({{"a", 0}, {"a", 0}}), Contains("unique"));
  CHECK_THROWS_WITH(graph.set_outputs({{"a", 1}}), Contains("must be one of the 1 nodes"));
  CHECK_THROWS_WITH(cyclegan().infer_shapes({1, 3, 3, 8}), Contains("give larger ones"));
  CHECK_THROWS_WITH(make_architecture("cyclegna"), Contains("did you mean cyclegan?"));
  CHECK_THROWS_WITH(make_architecture("cyclegan", {{"wdith", 3}}), Contains("'wdith'"));
}

TEST_CASE("nodes can be inserted, bypassed and removed") {
  const auto c = test::context();
  Graph graph = cyclegan({.width = 4, .blocks = 1});
  test::randomize(graph, c, 1);
  const Tensor x = test::image(c, {1, 3, 16, 12}, 2);
  const auto before = graph.run(x).to_vector();
  const int size = graph.size();

  const int conv = graph.find("model.4");
  const int inserted = graph.insert_before(conv, 0, make_affine("twice", 0, {2}, {0}));
  CHECK(inserted == conv);
  CHECK(graph.node(conv + 1).name == "model.4");
  CHECK(graph.node(conv + 1).inputs == std::vector{conv});
  const int after = graph.insert_after(conv, make_affine("half", 0, {0.5f}, {0}));
  CHECK(graph.node(after + 1).inputs == std::vector{after});
  CHECK(graph.run(x).to_vector() == before);

  graph.redirect(after, conv - 1);
  graph.remove_unreachable();
  CHECK(graph.size() == size);
  CHECK(graph.find("twice") == -1);
  CHECK(graph.run(x).to_vector() == before);
}

TEST_CASE("copies share nothing") {
  const auto c = test::context();
  Graph graph = cyclegan({.width = 4, .blocks = 1});
  test::randomize(graph, c, 3);
  graph.set_requires_grad(true);
  Graph copy = graph;
  CHECK(copy.parameter("model.1.weight")->value.requires_grad());
  copy.parameter("model.1.weight")->value.fill(0);
  CHECK(test::largest(graph.parameter("model.1.weight")->value.to_vector()) > 0);
  CHECK(copy.architecture() == "cyclegan");
}

TEST_CASE("fused and unfused runs agree") {
  const auto c = test::context();
  for (const char* name : {"cyclegan", "cartoongan", "fast_style", "patchgan"}) {
    for (const bool quantized : {false, true}) {
      INFO(name << (quantized ? " quantised" : ""));
      const Json options = std::string(name) == "patchgan" ? Json{{"width", 5}, {"layers", 2}}
                                                           : Json{{"width", 5}, {"blocks", 2}};
      Graph graph = make_architecture(name, options);
      test::randomize(graph, c, 4);
      // Fine quantised values, so that values that round differently stay close.
      if (quantized) test::quantize(graph, {}, 4, true);
      const ImageFormat f = graph.input_format;
      const Tensor x = test::image(c, {2, 3, 20, 24}, 5, f.lo, f.hi);
      const Tensor fused = graph.run(x, {.fused = true}), apart = graph.run(x, {.fused = false});
      CHECK(test::difference(fused, apart) <=
            (quantized ? 0.05 : 1e-5) * test::largest(apart.to_vector()));
    }
  }
}

TEST_CASE("gradients do not depend on fusion") {
  const auto c = test::context();
  Graph graph = cyclegan({.width = 5, .blocks = 1});
  test::randomize(graph, c, 6);
  graph.set_requires_grad(true);
  const Tensor x = test::image(c, {2, 3, 12, 16}, 7);
  const auto gradients = [&](bool fused) {
    for (Parameter* p : graph.parameters()) p->value.zero_grad();
    const Tensor y = graph.run(x, {.training = true, .fused = fused});
    dot(y, y).backward();
    std::vector<float> all;
    for (Parameter* p : graph.parameters()) {
      if (p->role == Role::bias && p->name != "model.18.bias") continue;  // biases before norms
      const auto g = p->value.grad().to_vector();
      all.insert(all.end(), g.begin(), g.end());
    }
    return all;
  };
  const auto fused = gradients(true), apart = gradients(false);
  CHECK(test::largest_difference(fused, apart) <= 1e-4 * test::largest(apart));
}

TEST_CASE("two batches run as one give what they give alone, in training, too") {
  const auto c = test::context();
  for (const char* name : {"patchgan", "cartoongan"}) {  // instance norms, batch norms
    INFO(name);
    Graph graph = make_architecture(name, std::string(name) == "patchgan"
                                              ? Json{{"width", 5}, {"layers", 2}}
                                              : Json{{"width", 5}, {"blocks", 1}});
    test::randomize(graph, c, 6);
    graph.set_requires_grad(true);
    const Tensor a = test::image(c, {1, 3, 20, 16}, 7), b = test::image(c, {2, 3, 20, 16}, 8);
    const auto gradients = [&](const Tensor& of_a, const Tensor& of_b) {
      for (Parameter* p : graph.parameters()) p->value.zero_grad();
      add(dot(of_a, of_a), affine(dot(of_b, of_b), 0.7f, 0)).backward();
      std::vector<float> all;
      for (Parameter* p : graph.parameters()) {
        if (p->role != Role::weight) continue;
        const auto g = p->value.grad().to_vector();
        all.insert(all.end(), g.begin(), g.end());
      }
      return all;
    };
    const RunOptions training{.training = true};
    const Tensor alone_a = graph.run(a, training), alone_b = graph.run(b, training);
    const auto want = gradients(alone_a, alone_b);
    const auto [together_a, together_b] = graph.run_both(a, b, training);
    CHECK(test::difference(together_a, alone_a) <= 1e-5 * test::largest(alone_a.to_vector()));
    CHECK(test::difference(together_b, alone_b) <= 1e-5 * test::largest(alone_b.to_vector()));
    const auto got = gradients(together_a, together_b);
    CHECK(test::largest_difference(got, want) <= 1e-4 * test::largest(want));
  }
}

TEST_CASE("feature layers give inner values, and nothing after the last one runs") {
  const auto c = test::context();
  Graph graph = vgg16({.width = 4});
  test::randomize(graph, c, 8);
  const Tensor x = test::image(c, {1, 3, 4, 4}, 9, 0, 1);
  // Too small for the third pool, which the first two feature layers do not need.
  CHECK_THROWS_AS(graph.run(test::image(c, {1, 3, 3, 3}, 9, 0, 1)), Error);
  const auto layers = graph.run_layers(x, {"relu2_2", "relu1_2"});
  REQUIRE(layers.size() == 2);
  CHECK(layers[0].shape() == Shape{1, 8, 2, 2});
  CHECK(layers[1].shape() == Shape{1, 4, 4, 4});
  CHECK_THROWS_WITH(graph.run_layers(x, {"relu9"}), Contains("relu9"));

  // A feature layer inside what would be fused.
  Graph generator = cyclegan({.width = 4, .blocks = 1});
  test::randomize(generator, c, 10);
  const Tensor image = test::image(c, {1, 3, 16, 16}, 11);
  const auto inner = generator.run_layers(image, {"model.2", "model.3", "model.10.conv_block.6"});
  CHECK(test::difference(relu(inner[0]), inner[1]) == 0);
  std::map<std::string, Tensor> seen;
  RunOptions options;
  options.observer = [&](int i, const Tensor& t) { seen[generator.node(i).name] = t; };
  generator.run(image, options);
  CHECK(static_cast<int>(seen.size()) == generator.size());
  CHECK(test::difference(seen["model.2"], inner[0]) == 0);
  CHECK(test::difference(seen["model.10.conv_block.6"], inner[2]) == 0);
}

TEST_CASE("values are let go after their last reader") {
  const auto c = test::context();
  Graph graph("chain");
  graph.add(make_input("x", 8));
  for (int i = 0; i < 20; ++i) {
    graph.add(make_affine("a" + std::to_string(i), i, {1.5f}, {0.1f}));
  }
  const Tensor x = Tensor::zeros(c, {1, 8, 64, 64});
  c->reset_peak();
  const size_t before = c->memory().current_bytes;
  const NoGrad no_grad;
  graph.run(x);
  CHECK(c->memory().peak_bytes - before <= size_t{3} * 8 * 64 * 64 * 4);
}

TEST_CASE("channels are tied through everything but weights") {
  const Graph graph = cyclegan({.width = 4, .blocks = 2});
  const ChannelTies ties(graph, graph.infer_shapes(graph.example_input()));
  const auto group = [&](const char* name, int channel) {
    return ties.group(graph.find(name), channel);
  };
  CHECK(ties.channels(graph.find("model.1")) == 4);
  CHECK(group("model.1", 2) == group("model.3", 2));
  CHECK(group("model.1", 2) != group("model.1", 1));
  CHECK(group("model.1", 2) != group("model.4", 2));
  CHECK(group("model.7", 3) == group("model.11", 3));
  CHECK(group("model.10.conv_block.5", 3) == group("model.11.conv_block.5", 3));
  CHECK(group("model.10.conv_block.1", 3) != group("model.10", 3));

  const Graph squeeze = squeezenet();
  const ChannelTies fire(squeeze, squeeze.infer_shapes(squeeze.example_input()));
  CHECK(fire.group(squeeze.find("features.3"), 64 + 5) ==
        fire.group(squeeze.find("features.3.expand3x3"), 5));
  CHECK(fire.group(squeeze.find("features.3"), 5) ==
        fire.group(squeeze.find("features.3.expand1x1"), 5));

  Graph flat("flat");
  flat.add(make_input("x", 2));
  flat.add(make_conv("conv", 0, {.in = 2, .out = 3, .options = {.pad = Padding::all(1)}}));
  flat.add(make_reshape("vector", 1, 0));
  flat.add(make_reshape("image", 2, 6, 64, 32));
  const ChannelTies reshaped(flat, flat.infer_shapes({1, 2, 64, 64}));
  CHECK(reshaped.group(2, 64 * 64) == reshaped.group(1, 1));
  CHECK(reshaped.group(2, 64 * 64 - 1) == reshaped.group(1, 0));
  CHECK(reshaped.group(3, 3) == reshaped.group(1, 1));
}
