// Images of awkward sizes through networks, and networks of large strides.
#include "gs/translate.h"

#include "gs/passes/size_source.h"
#include "tests/catch.h"
#include "tests/data.h"
#include "tests/gs/graphs.h"

using namespace gsx;
using namespace gsx::test;

namespace {

// Shrinks by stride and grows back.
Graph there_and_back(int stride) {
  Graph graph("there_and_back");
  graph.add(make_input("input", 3));
  graph.add(make_conv("down", 0, {.in = 3, .out = 3, .kernel = stride, .options = {stride}}));
  graph.add(make_upsample("up", 1, stride));
  randomize(graph, 1);
  return graph;
}

constexpr int kSizes[][2] = {{1, 1}, {1, 2}, {2, 2}, {3, 5}, {5, 3}, {7, 1}, {9, 33}, {41, 6}};

}  // namespace

TEST_CASE("images of any size come back at their size") {
  for (const std::string name : {"cyclegan", "cartoongan", "fast_style", "unet"}) {
    Graph graph = case_named(name).make();
    for (const bool quantized : {false, true}) {
      if (quantized) quantize_graph(graph, {1, 3, 32, 32});
      for (const auto& [h, w] : kSizes) {
        INFO(name << (quantized ? " in 8 bits, " : ", ") << h << " rows of " << w);
        const Tensor x = random_images({1, 3, h, w}, 2, graph.input_format);
        const Tensor y = translate(graph, x);
        CHECK(y.shape() == x.shape());
        CHECK(std::isfinite(max_abs(y)));
      }
    }
  }
}

TEST_CASE("an image is mirrored as often as the network's strides need") {
  const Graph graph = there_and_back(8);
  const Tensor x = random_images({1, 3, 3, 1}, 2);
  const Tensor fitting = mirrored_to_fit(graph, x);
  REQUIRE(fitting.shape() == Shape{1, 3, 8, 8});
  const std::vector<float> from = x.to_vector(), to = fitting.to_vector();
  constexpr int kRows[] = {0, 1, 2, 1, 0, 1, 2, 1};
  for (int c = 0; c < 3; ++c)
    for (int i = 0; i < 8; ++i)
      for (int j = 0; j < 8; ++j) CHECK(to[(c * 8 + i) * 8 + j] == from[c * 3 + kRows[i]]);
}

TEST_CASE("images of any size come back enlarged by a network that enlarges") {
  Graph graph("upscaler");  // takes multiples of 4, gives twice their size
  graph.add(make_input("input", 3));
  graph.add(make_conv("down", 0, {.in = 3, .out = 3, .kernel = 4, .options = {4}}));
  graph.add(make_upsample("up", 1, 8));
  randomize(graph, 1);
  CHECK(image_scale(graph) == 2);
  CHECK(image_scale(there_and_back(8)) == 1);
  for (const auto& [h, w] : kSizes) {
    INFO(h << " rows of " << w);
    const Tensor x = random_images({2, 3, h, w}, 2);
    const Tensor y = translate(graph, x);
    REQUIRE(y.shape() == Shape{2, 3, 2 * h, 2 * w});
    const std::vector<float> whole = graph.evaluate(mirrored_to_fit(graph, x)).to_vector();
    CHECK(y.to_vector()[0] == whole[0]);
  }
}

TEST_CASE("strides that multiply beyond 64, or are no power of two, are met") {
  for (const int stride : {6, 48, 64}) {
    INFO("stride " << stride);
    const Tensor x = random_images({1, 3, 50, 20}, 2);
    CHECK(translate(there_and_back(stride), x).shape() == x.shape());
  }
  Graph deep("deep");
  deep.add(make_input("input", 3));
  for (int i = 0; i < 8; ++i)
    deep.add(make_avg_pool("down" + std::to_string(i), i, {.size = 2, .stride = 2}));
  deep.add(make_upsample("up", 8, 16));
  deep.add(make_upsample("up2", 9, 16));
  const Tensor x = random_images({1, 3, 100, 40}, 2);
  CHECK(translate(deep, x).shape() == x.shape());
}

TEST_CASE("a network that keeps no size near an image's says which it keeps, if any") {
  Graph shrinks("shrinks");
  shrinks.add(make_input("input", 3));
  shrinks.add(make_max_pool("pool", 0, {.size = 2, .stride = 2}));
  CHECK_THROWS_WITH(translate(shrinks, random_images({1, 3, 6, 9}, 1)),
                    "translate: the network does not give back an image of the size it is given or "
                    "of a whole number of times that, be it 9 x 6 pixels or another");
  // Nothing but one row and column is left of any image.
  Graph one("one");
  one.add(make_input("input", 3));
  one.add(make_global_avg_pool("mean", 0));
  CHECK_THROWS_WITH(translate(one, random_images({1, 3, 6, 9}, 1)),
                    "translate: the network keeps the size of no image of 9 x 6 pixels or "
                    "slightly more; it keeps 1 x 1");
  CHECK_THROWS_WITH(translate(shrinks, random_images({1, 4, 6, 9}, 1)),
                    Catch::Contains("takes 3 channels"));
}

TEST_CASE("sizes are compared over as many images as the strides multiply to") {
  // The two differ for images of 55 to 64 pixels more than a multiple of 128, and for no others.
  Graph graph("strides");
  graph.add(make_input("input", 3));
  const ConvSpec first = {.in = 3, .out = 3, .kernel = 1, .options = {64}};
  ConvSpec later = first, second = first;
  later.options.pad = {10, 0, 10, 0};
  second.options = {2, {1, 0, 1, 0}};
  graph.add(make_conv("first", 0, first));
  graph.add(make_conv("later", 0, later));
  graph.add(make_conv("first2", 1, second));
  graph.add(make_conv("later2", 2, second));
  CHECK_FALSE(SizeTable(graph).same_size(3, 4));
  CHECK(SizeTable(graph).same_size(3, 3));

  Graph huge("huge");
  huge.add(make_input("input", 3));
  for (int i = 0; i < 3; ++i)
    huge.add(make_conv("down" + std::to_string(i), i,
                       {.in = 3, .out = 3, .kernel = 1, .options = {64}}));
  CHECK_THROWS_WITH(SizeTable(huge),
                    Catch::Contains("the strides on the way to node down2 multiply "
                                    "to 262144, more than the 4096"));
}

TEST_CASE("the smallest images go through real teachers", "[data]") {
  for (const std::string& spec :
       {"fast_style:" + (require_data() / "teachers/fst_wave/weights.safetensors").string(),
        "cartoongan:" +
            (require_data() / "teachers/cartoongan_hayao/weights.safetensors").string()}) {
    const Graph teacher = open_model(context(), spec);
    for (const auto& [h, w] : kSizes) {
      const Tensor x = random_images({1, 3, h, w}, 2, teacher.input_format);
      INFO(spec << ", " << h << " rows of " << w);
      CHECK(translate(teacher, x).shape() == x.shape());
    }
  }
}
