// Networks through ONNX files and back: what is written says what was meant, by the reader of this
// house. Other engines read the same files in tests/python/export_test.py.
#include "models/export/onnx.h"

#include "gs/passes/extract.h"
#include "models/import/import.h"
#include "tests/catch.h"
#include "tests/gs/graphs.h"
#include "tests/temp_dir.h"

using namespace gsx;
using namespace gsx::test;

namespace {

Graph through_onnx(const Graph& graph, const OnnxOptions& options) {
  const TempDir dir;
  write_text(dir / "model.onnx", onnx_file(graph, options));
  return import_model(context(), dir / "model.onnx").graph;
}

double largest(const Tensor& x) { return std::max(1.0, max_abs(x)); }

Graph extracted(const Case& c, bool quantized, const WeightQuant& weights = {}) {
  Graph graph = c.make();
  if (quantized) quantize_graph(graph, c.input, weights);
  kill_some(graph, prune_groups(graph), 0.4, 3);
  return extract(graph);
}

}  // namespace

TEST_CASE("networks of every kind come back from ONNX files as they went") {
  for (const Case& c : cases()) {
    INFO(c.name);
    const Graph graph = c.make();
    const Tensor x = random_images(c.input, 5, graph.input_format);
    const NoGrad no_grad;
    const Tensor y = graph.run(x);
    for (const bool slices : {false, true}) {
      OnnxOptions options;
      options.slice_reflect = slices;
      const Graph back = through_onnx(graph, options);
      CHECK(max_difference(back.run(x), y) <= 1e-4 * largest(y));
    }
  }
}

TEST_CASE("extracted networks come back from ONNX files, at their size and at others") {
  for (const std::string name : {"cyclegan", "cartoongan", "fast_style", "unet"}) {
    INFO(name);
    const Graph graph = extracted(case_named(name), false);
    const Graph back = through_onnx(graph, {});
    const NoGrad no_grad;
    for (const auto& [h, w] : {std::pair{32, 32}, {64, 48}}) {
      const Tensor x = random_images({2, 3, h, w}, 7, graph.input_format);
      const Tensor y = graph.run(x);
      CHECK(max_difference(back.run(x), y) <= 1e-4 * largest(y));
    }
  }
}

// Images as files hold them: the network's first layer sees 8 bits, too.
Tensor image_values(const Shape& shape, const ImageFormat& f) {
  std::vector<float> values = random_images(shape, 9, {0, 255, false}).to_vector();
  for (float& v : values) v = f.lo + std::nearbyint(v) * (f.hi - f.lo) / 255;
  return Tensor::from(context(), values, shape);
}

TEST_CASE("networks with weights of 8 and 4 bits come back with the same numbers") {
  for (const std::string name : {"cyclegan", "cartoongan", "fast_style"}) {
    for (const auto& [cut, bits] : {std::pair{false, 8}, {false, 4}, {true, 8}, {true, 4}}) {
      const WeightQuant weights = {.bits = bits};
      Graph graph = case_named(name).make();
      const Case& c = case_named(name);
      if (cut) graph = extracted(c, true, weights);
      else quantize_graph(graph, c.input, weights);
      const NoGrad no_grad;
      const Tensor x = image_values({1, 3, 32, 32}, graph.input_format);
      const Tensor y = graph.evaluate(x);
      for (const bool is_signed : {false, true}) {
        INFO(name << ", " << bits << " bits" << (cut ? ", extracted" : "")
                  << (is_signed ? ", signed" : ""));
        OnnxOptions options;
        options.signed_weights = is_signed;
        for (const OnnxNumbers numbers : {OnnxNumbers::qdq, OnnxNumbers::int8}) {
          options.numbers = numbers;
          INFO((numbers == OnnxNumbers::qdq ? "qdq" : "int8"));
          const Graph back = through_onnx(graph, options);
          CHECK(back.quantized());
          CHECK(back.input_format == graph.input_format);
          CHECK(back.output_format == graph.output_format);
          CHECK(back.evaluate(x).to_vector() == y.to_vector());
        }
        options.numbers = OnnxNumbers::int8;
        CHECK(onnx_file(graph, options).find("ConvInteger") != std::string::npos);
      }
    }
  }
}

TEST_CASE("names of a network that ONNX files use too are kept apart") {
  Graph graph("names");
  graph.add(make_input("output", 3));
  graph.add(make_conv("number", 0, {.in = 3, .out = 3, .kernel = 1}));
  graph.add(make_pointwise("list", 1, Pointwise::clip, {-1, 1}));
  graph.add(make_conv("output/Identity", 2, {.in = 3, .out = 3, .kernel = 1}));
  randomize(graph, 3);
  const Tensor x = random_images({1, 3, 8, 8}, 4);
  const NoGrad no_grad;
  CHECK(max_difference(through_onnx(graph, {}).run(x), graph.run(x)) < 1e-4);
}

TEST_CASE("images as bytes are scaled inside") {
  const Graph graph = case_named("fast_style").make();
  const NoGrad no_grad;
  const Tensor bytes = random_images({1, 3, 32, 32}, 9, {0, 255, false});
  OnnxOptions options;
  options.images = OnnxOptions::Images::nchw;
  const std::string content = onnx_file(graph, options);
  CHECK(content.find("RGB, black 0, white 255") != std::string::npos);
  options.images = OnnxOptions::Images::nhwc;
  CHECK(onnx_file(graph, options) != content);
}

TEST_CASE("what ONNX cannot say is named") {
  OnnxOptions options;
  options.opset = 9;
  const Graph graph = case_named("cyclegan").make();
  CHECK_THROWS_WITH(onnx_file(graph, options), "export: opset must lie in 14 to 21, got 9");
  CHECK_THROWS_WITH(onnx_file(make_architecture("cyclegan"), {}),
                    Catch::Contains("have no values"));
}
