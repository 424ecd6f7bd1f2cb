// What files lose or leak on their way between programs: rows of docs/formats.md that no file of
// others shows.
#include <cmath>
#include <fstream>

#include "models/builder.h"
#include "models/export/onnx.h"
#include "models/import/import.h"
#include "tests/catch.h"
#include "tests/gs/graphs.h"
#include "tests/import/onnx_bytes.h"
#include "tests/temp_dir.h"

using namespace gsx;

namespace {

Graph read_onnx(const std::string& bytes) {
  const TempDir dir;
  std::ofstream(dir / "m.onnx", std::ios::binary) << bytes;
  return import_model(test::context(), dir / "m.onnx").graph;
}

}  // namespace

TEST_CASE("exchange: an epsilon of 1e-9 is still there after export and import") {
  Builder b("small_epsilon", 3);
  b.conv("enter", {.in = 3, .out = 4, .same_pad = true});
  b.instance_norm("norm", 4, true, 1e-9f);
  b.conv("leave", {.in = 4, .out = 3, .same_pad = true});
  Graph graph = b.take();
  test::randomize(graph, 3);
  const Graph back = read_onnx(onnx_file(graph));
  int norms = 0;
  for (int i = 0; i < back.size(); ++i) {
    if (back.node(i).kind() != "instance_norm") continue;
    ++norms;
    CHECK(back.node(i).attributes().at("eps").get<double>() == Approx(1e-9));
  }
  CHECK(norms == 1);
}

TEST_CASE("exchange: layers that share a tensor of the file have a copy each") {
  using namespace onnx_bytes;
  std::vector<float> w;
  for (int i = 0; i < 9; ++i) w.push_back(0.1f * static_cast<float>(i) - 0.3f);
  const std::string file = onnx_bytes::model(
      {node("Conv", {"x", "w"}, "a"), node("Relu", {"a"}, "b"), node("Conv", {"b", "w"}, "y")}, {},
      part(5, tensor("w", {3, 3, 1, 1}, w)));
  Graph graph = read_onnx(file);
  std::vector<Parameter*> weights;
  for (Parameter* p : graph.parameters())
    if (p->role == Role::weight) weights.push_back(p);
  REQUIRE(weights.size() == 2);
  CHECK(weights[0]->value.to_vector() == weights[1]->value.to_vector());
  weights[0]->value.fill(0);
  CHECK(weights[1]->value.to_vector() == w);
}

TEST_CASE("exchange: what is exported tells nothing of where or by which lines it was made") {
  const TempDir dir;
  Graph graph = test::case_named("fast_style").make();
  const auto from = dir / "somewhere.safetensors";
  save_model(graph, from);
  const std::string bytes = onnx_file(load_model(test::context(), from));
  for (const std::string& leak : {from.string(), std::string("stack_trace"), std::string(".cpp")})
    CHECK(bytes.find(leak) == std::string::npos);
  // Weights are nearly all of it.
  CHECK(static_cast<double>(bytes.size()) <
        1.5 * static_cast<double>(graph.cost(graph.example_inputs()).weight_bytes) + 20000);
}

TEST_CASE(
    "exchange: quantisers of a file that stand for its ReLUs keep their bounds in real numbers") {
  Graph graph("of_a_file");
  graph.add(make_input("x", 3));
  graph.add(make_conv("enter", 0, {.in = 3, .out = 4, .options = {1, Padding::all(1)}}));
  const int at = graph.add(make_quantize("bounded", 1, QuantGrid::int8, 1, false));
  graph.add(make_conv("leave", at, {.in = 4, .out = 3, .options = {1, Padding::all(1)}}));
  test::randomize(graph, 5);
  dynamic_cast<Quantize&>(graph.node(at)).of_file = QuantRange{0.5f / 255, 0, 255, 0, 0.5f};
  const Tensor x = test::random_images({1, 3, 8, 8}, 6, graph.input_format);
  const std::vector<float> own = graph.run(x).to_vector();
  const std::vector<float> back = read_onnx(onnx_file(graph)).run(x).to_vector();
  REQUIRE(own.size() == back.size());
  float most = 0, off = 0;
  for (size_t i = 0; i < own.size(); ++i) {
    most = std::max(most, std::abs(own[i]));
    off = std::max(off, std::abs(own[i] - back[i]));
  }
  CHECK(off < 0.02f * most);  // what rounding to 255 steps leaves
}
