// Networks told from others' files go through pruning groups and extraction as built-in ones do.
#include "gs/passes/extract.h"
#include "gs/passes/insert_scales.h"
#include "gs/passes/quantize.h"
#include "models/export/onnx.h"
#include "models/import/import.h"
#include "tests/catch.h"
#include "tests/golden/golden_file.h"
#include "tests/gs/exported.h"
#include "tests/gs/graphs.h"
#include "tests/temp_dir.h"

using namespace gsx;
using namespace gsx::test;

namespace {

Graph onnx_case(const golden::File& file, const std::string& name) {
  const TempDir dir;
  std::string bytes;
  for (const float b : file.at(name + "/model").values)
    bytes += static_cast<char>(static_cast<int>(b));
  write_text(dir / "m.onnx", bytes);
  return import_model(context(), dir / "m.onnx").graph;
}

int grids_of_files(const Graph& graph) {
  int count = 0;
  for (int i = 0; i < graph.size(); ++i) {
    const auto* quantizer = dynamic_cast<const Quantize*>(&graph.node(i));
    count += quantizer && quantizer->of_file ? 1 : 0;
  }
  return count;
}

}  // namespace

TEST_CASE("imported networks are cut without changing what they compute") {
  const golden::File file("import.safetensors");
  for (const std::string name : {"ugatit", "whitebox", "whitebox_reflected", "animegan2", "cut"}) {
    for (const bool quantized : {false, true}) {
      INFO(name << (quantized ? " in 8 bits" : ""));
      Graph graph = of_others(file, name);
      insert_scales(graph);
      const std::vector<PruneGroup> groups = prune_groups(graph);
      CHECK(groups.size() >= 3);
      const Shape size{1, 3, 16, 20};
      if (quantized) quantize_graph(graph, size);
      kill_some(graph, prune_groups(graph), 0.4, 3);
      const Graph small = checked_extraction(graph, size, 5);
      CHECK(small.cost(size).params < graph.cost(size).params);
    }
  }
}

TEST_CASE("quantised files go out as they came in, whatever their zero points") {
  const golden::File file("onnx_integers.safetensors");
  const NoGrad no_grad;
  for (const std::string name : {"signed_activations", "unsigned_weights", "qlinear_conv",
                                 "transposed_and_depthwise", "conv_integer"}) {
    const Graph graph = onnx_case(file, name);
    CHECK(grids_of_files(graph) > 0);
    const Tensor x = file.tensor(context(), name + "/in/0");
    const std::vector<float> want = graph.evaluate(x).to_vector();
    for (const OnnxNumbers numbers : {OnnxNumbers::qdq, OnnxNumbers::int8}) {
      INFO(name << (numbers == OnnxNumbers::int8 ? " as int8" : " as qdq"));
      OnnxOptions options;
      options.numbers = numbers;
      const TempDir dir;
      write_text(dir / "again.onnx", onnx_file(graph, options));
      const Graph again = import_model(context(), dir / "again.onnx").graph;
      CHECK(again.evaluate(x).to_vector() == want);
    }
  }
}

TEST_CASE("networks of quantised files are quantised anew") {
  const golden::File file("onnx_integers.safetensors");
  Graph graph = onnx_case(file, "signed_activations");
  const int all = grids_of_files(graph);
  REQUIRE(all == 2);
  quantize_graph(graph, {1, 3, 8, 12});
  CHECK(grids_of_files(graph) == 0);
  const NoGrad no_grad;
  const Tensor x = file.tensor(context(), "signed_activations/in/0");
  const Tensor want = onnx_case(file, "signed_activations").evaluate(x);
  CHECK(max_difference(graph.evaluate(x), want) <= 0.1 * max_abs(want));
}

TEST_CASE("inputs that take integers do so again when they are exported") {
  const golden::File file("onnx.safetensors");
  const Graph graph = onnx_case(file, "classes");
  const TempDir dir;
  write_text(dir / "again.onnx", onnx_file(graph, {}));
  const Graph again = import_model(context(), dir / "again.onnx").graph;
  const Json names = graph.provenance.at("onnx").at("integer_inputs");
  CHECK(names.size() == 1);
  CHECK(again.provenance.at("onnx").at("integer_inputs") == names);
}
