// Where quantisers go.
#include "gs/passes/quantize.h"

#include "tests/catch.h"
#include "tests/gs/graphs.h"

using namespace gsx;
using namespace gsx::test;

namespace {

std::vector<const Quantize*> quantizers(const Graph& graph) {
  std::vector<const Quantize*> found;
  for (int i = 0; i < graph.size(); ++i)
    if (const auto* q = dynamic_cast<const Quantize*>(&graph.node(i))) found.push_back(q);
  return found;
}

}  // namespace

TEST_CASE("every layer but the image's reader is quantised at its input") {
  Graph graph = case_named("cyclegan").make();
  insert_quantizers(graph, {.act_range = 4});
  const std::vector<const Quantize*> found = quantizers(graph);
  CHECK(found.size() == 2 + 4 + 2 + 1);
  for (int i = 0; i < graph.size(); ++i) {
    const Node& node = graph.node(i);
    if (!node.has_weight()) continue;
    CHECK(node.weight_quant().has_value());
    const bool quantized = graph.node(node.inputs[0]).kind() == "quantize";
    CHECK(quantized == (node.name != "model.1"));
  }
  for (const Quantize* q : found) {
    CHECK(q->p == 4);
    CHECK_FALSE(q->is_signed);
  }
  const int size = graph.size();
  insert_quantizers(graph, {.act_range = 4});
  CHECK(graph.size() == size);
}

TEST_CASE(
    "an image padded first is still read unquantised, one scaled per channel is quantised; shared "
    "inputs share a quantiser") {
  Graph graph = case_named("branches").make();
  insert_quantizers(graph, {});
  CHECK(graph.node(graph.node(graph.find("c1")).inputs[0]).kind() == "pad");
  CHECK(graph.node(graph.find("c2")).inputs == graph.node(graph.find("c3")).inputs);
  CHECK(quantizers(graph).size() == 4);
  Graph squeeze = squeezenet();
  insert_quantizers(squeeze, {});
  const Node& scaled = squeeze.node(squeeze.node(squeeze.find("features.0")).inputs[0]);
  CHECK(scaled.kind() == "quantize");
  CHECK(squeeze.node(scaled.inputs[0]).kind() == "affine");
}

TEST_CASE("quantisers use the grid of the weights") {
  Graph graph = case_named("unet").make();
  insert_quantizers(graph, {.weights = {.grid = QuantGrid::paper, .per_channel = false}});
  for (const Quantize* q : quantizers(graph)) CHECK(q->grid == QuantGrid::paper);
  CHECK(graph.node(graph.find("m")).weight_quant()->grid == QuantGrid::paper);
  CHECK_FALSE(graph.node(graph.find("m")).weight_quant()->per_channel);
}

TEST_CASE("frozen weight scales are those of the weights") {
  Graph graph = case_named("cyclegan").make();
  insert_quantizers(graph, {.act_range = 4});
  freeze_weight_scales(graph);
  const Node& conv = graph.node(graph.find("model.4"));
  const Parameter* stored = conv.parameter(Role::weight_scale);
  REQUIRE(stored);
  CHECK(stored->value.to_vector() ==
        weight_scales(conv.parameter(Role::weight)->value, *conv.weight_quant()).to_vector());
}
