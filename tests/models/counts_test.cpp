// The numbers of PAPER.md section 8: parameters and both counts of multiply-accumulates.
#include "tests/models/helpers.h"

using namespace gsx;

namespace {

const Shape kImage{1, 3, 256, 256};
constexpr double kMega = 1 << 20;

}  // namespace

TEST_CASE("cyclegan costs what the paper says") {
  const Cost cost = cyclegan().cost(kImage);
  CHECK(cost.params == 11383555);
  CHECK(cost.weight_bytes == 11372928 * 4);
  CHECK(cost.macs.paper_macs == 54168 * kMega);
  CHECK(cost.macs.true_macs == 47256 * kMega);
  const Cost official = cyclegan({.affine = false}).cost(kImage);
  CHECK(official.params == 11378179);
  CHECK(official.macs.paper_macs == cost.macs.paper_macs);
}

TEST_CASE("a half-width cyclegan is the paper's distilled student") {
  const Cost cost = cyclegan({.width = 32}).cost(kImage);
  CHECK(cost.weight_bytes == 2847936 * 4);
  CHECK(cost.macs.paper_macs == 13836 * kMega);
}

TEST_CASE("a width may be a fraction, and every layer rounds its own multiple of it") {
  for (const char* name : {"cyclegan", "cartoongan", "fast_style"}) {
    INFO(name);
    const Graph graph = make_architecture(name, {{"width", 7.75}, {"blocks", 1}});
    std::vector<int> channels;
    for (const LayerCost& layer : graph.cost(kImage).layers)
      if (layer.kind == "conv") channels.push_back(layer.kept);
    CHECK(channels.front() == 8);
    CHECK(*std::max_element(channels.begin(), channels.end()) == 31);
    CHECK(std::count(channels.begin(), channels.end(), 16) > 0);
  }
  CHECK_THROWS_WITH(make_architecture("fast_style", {{"width", "wide"}}),
                    Catch::Contains("must be a number"));
}

TEST_CASE("the other architectures have the published sizes") {
  CHECK(patchgan().cost(kImage).params == 2766529);
  CHECK(patchgan().cost(kImage).macs.true_macs == Approx(3.147e9).epsilon(1e-3));
  CHECK(patchgan({.affine = false}).cost(kImage).params == 2766529 - 2 * (128 + 256 + 512));
  CHECK(vgg16().cost(kImage).params == 7635264);
  CHECK(vgg16().cost(kImage).macs.true_macs == Approx(18.23e9).epsilon(1e-3));
  CHECK(fast_style().cost(kImage).params == 1677638);
  CHECK(cartoongan().cost(kImage).params == 11129667);
  CHECK(cartoongan().cost(kImage).macs.paper_macs / (1 << 30) == Approx(57.40).epsilon(1e-3));
  CHECK(cartoongan().cost(kImage).macs.true_macs / (1 << 30) == Approx(50.65).epsilon(1e-3));
  CHECK(squeezenet().cost(kImage).params == 1235496);  // torchvision's
  // torchvision's features.0 to features.25, and Inception v3 with 1008 instead of 1000 logits.
  CHECK(vgg19().cost(kImage).params == 10585152);
  CHECK(fid_inception().cost({1, 3, 299, 299}).params == 23850960);
}

TEST_CASE("SNGAN's networks cost what the paper says") {
  const Cost cost = sngan().cost(Shape{1, 128});
  CHECK(cost.params == 4276739);
  CHECK(cost.weight_bytes == 4266752 * 4);
  CHECK(cost.macs.paper_macs == 1680605184);  // the linear layer is not counted
  CHECK(cost.macs.true_macs == 1680605184 + 524288);
  const Cost judge = sngan_discriminator().cost({1, 3, 32, 32});
  CHECK(judge.params == 1053824);
  CHECK(judge.macs.true_macs == Approx(272e6).epsilon(2e-3));
}

TEST_CASE("style-aware transfer's networks cost what the paper says") {
  const Cost cost = style_aware().cost(kImage);
  CHECK(cost.weight_bytes == 11995584 * 4);
  CHECK(cost.params == 11995584 + 11206);
  CHECK(cost.macs.true_macs == Approx(7.76e9).epsilon(1e-3));
  const Graph judge = style_aware_discriminator();
  CHECK(judge.cost(kImage).params == 50510848);
  const std::vector<Shape> shapes = judge.infer_shapes(kImage);
  std::vector<std::string> names;
  std::vector<int64_t> sides;
  for (const GraphOutput& o : judge.outputs()) {
    names.push_back(o.name);
    sides.push_back(shapes[o.node][2]);
  }
  CHECK(names == std::vector<std::string>{"scale_0", "scale_1", "scale_3", "scale_5", "scale_6"});
  CHECK(sides == std::vector<int64_t>{128, 64, 16, 4, 2});
  // Without the layers behind the last map.
  const Graph few = style_aware_discriminator({.layers = 3});
  CHECK(few.outputs().size() == 2);
  CHECK(few.find("discriminator.d_h2_conv") < 0);
  CHECK_THROWS_WITH(style_aware_discriminator({.layers = 8}), Catch::Contains("layers in [1, 7]"));
}

TEST_CASE("pix2pix's U-Nets have the published sizes") {
  CHECK(unet().cost(kImage).params == 54413955);                         // unet_256
  CHECK(unet({.layers = 7}).cost({1, 3, 128, 128}).params == 41828995);  // unet_128
  // Biases instead of a shift and a scale.
  CHECK(unet({.norm = UnetNorm::instance}).cost(kImage).params < 54413955);
  CHECK_THROWS_WITH(unet().infer_shapes({1, 3, 272, 256}), Catch::Contains("model.model.1"));
  CHECK_THROWS_WITH(make_architecture("unet", {{"norm", "group"}}),
                    Catch::Contains("norm must be batch or instance, got group"));
}

TEST_CASE("quantised weights count one byte") {
  Graph graph = cyclegan();
  test::quantize(graph, {}, 4, false);
  const Cost cost = graph.cost(kImage);
  CHECK(cost.weight_bytes == 11372928);
  CHECK(cost.params == 11383555);
}

TEST_CASE("layers and the table name what they count") {
  Graph graph = cyclegan({.width = 4, .blocks = 1});
  graph.original_channels["model.1"] = 64;
  const Cost cost = graph.cost({1, 3, 32, 32});
  REQUIRE(cost.layers.size() == 8 + 5);
  CHECK(cost.layers[0].name == "model.1");
  CHECK(cost.layers[0].kept == 4);
  CHECK(cost.layers[0].original == 64);
  CHECK(cost.layers[0].output == Shape{1, 4, 32, 32});
  const std::string table = graph.to_string({1, 3, 32, 32});
  CHECK(table.find("model.10.conv_block.1") != std::string::npos);
  CHECK(table.find("4/64") != std::string::npos);
  CHECK(table.find("total") != std::string::npos);
}
