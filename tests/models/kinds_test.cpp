// The kinds beyond convolutions and norms as networks and files hold them: what is written is read
// back to the bit, what does not fit is refused by name.
#include "tests/models/helpers.h"
#include "tests/temp_dir.h"

using namespace gsx;

namespace {

// One network with every such kind.
Graph every_kind(const ContextPtr& c) {
  Graph g("kinds");
  const auto add = [&](NodePtr node) { return g.add(std::move(node)); };
  int x = add(make_input("input", 3));
  x = add(make_conv("conv", x, {.in = 3, .out = 16, .kernel = 1}));
  x = add(make_prelu("prelu", x, 16));
  x = add(make_prelu("prelu_of_all", x, 1));
  x = add(make_pointwise("clip", x, Pointwise::clip, {-2, 2}));
  x = add(make_pointwise("silu", x, Pointwise::silu));
  x = add(make_pointwise("swish", x, Pointwise::hard_swish));
  x = add(make_pointwise("gelu", x, Pointwise::gelu));
  x = add(make_pointwise("gelu_tanh", x, Pointwise::gelu_tanh));
  x = add(make_pointwise("plus", x, Pointwise::softplus, {2, 15}));
  const int a = add(make_slice("a", x, {0, 8})), b = add(make_slice("b", x, {8, INT64_MAX}));
  std::vector<float> numbers;
  for (int i = 0; i < 8; ++i) numbers.push_back(0.25f + static_cast<float>(i));
  const int k = add(make_constant("k", Tensor::from(c, numbers, {1, 8, 1, 1})));
  x = add(make_arithmetic("sum", Arithmetic::add, a, k));
  x = add(make_arithmetic("difference", Arithmetic::sub, x, b));
  x = add(make_arithmetic("quotient", Arithmetic::div, x, k));
  const int mean = add(make_reduce_mean("mean", x, {1}));
  x = add(make_arithmetic("product", Arithmetic::mul, x, mean));
  x = add(make_group_norm("groups", x, 8, 2, true));
  x = add(make_pixel_shuffle("shuffle", x, 2));
  x = add(make_pixel_unshuffle("unshuffle", x, 2, ShuffleOrder::dcr));
  const ResizeRule linear{ResizeMode::linear, ResizeCoordinates::half_pixel, {}};
  x = add(make_resize("up", x, {.rule = linear, .scale_h = 1.5, .scale_w = 0.5}));
  x = add(make_resize("to", x, {.height = 6, .width = 4}));
  const int rows = add(make_flatten_pixels("rows", x));
  const int turned = add(make_transpose("turned", rows, {0, 2, 1}));
  const int scores = add(make_softmax("scores", add(make_matmul("matmul", turned, rows))));
  const int seen = add(make_matmul("seen", rows, scores, true));
  x = add(make_add("residual", x, add(make_reshape_like("there", seen, x))));
  add(make_conv("out", x, {.in = 8, .out = 3, .kernel = 1}));
  test::randomize(g, c, 3);
  return g;
}

// The node's JSON with one attribute changed, made again.
void remake(const Node& node, const char* key, const Json& value) {
  Json attributes = Json::parse(node.attributes().dump());
  attributes[key] = value;
  make_node(node.kind(), "n", node.inputs, attributes);
}

}  // namespace

TEST_CASE("a network of every kind is read back to the bit and runs alike on every device") {
  const auto c = test::context();
  const TempDir folder;
  const Graph graph = every_kind(c);
  const Tensor x = test::image(c, {2, 3, 4, 8}, 5);
  const Tensor y = graph.run(x);
  CHECK(y.shape() == Shape{2, 3, 6, 4});
  save_model(graph, folder / "kinds.safetensors");
  const Graph read = load_model(c, folder / "kinds.safetensors");
  CHECK(test::difference(read.run(x), y) == 0);
  CHECK(graph_to_json(read) == graph_to_json(graph));
  CHECK(graph.evaluate(x).to_vector() == y.to_vector());

  const auto device = Context::create({.device = Device{Device::emulated}, .threads = 2});
  const Graph there = load_model(device, folder / "kinds.safetensors");
  CHECK(test::difference(there.run(x.to(device)), y) <= 1e-5 * test::largest(y.to_vector()));
}

TEST_CASE("every kind's parameters are trained, constants are not") {
  const auto c = test::context();
  Graph graph = every_kind(c);
  graph.set_requires_grad(true);
  sum(graph.run(test::image(c, {2, 3, 4, 8}, 5))).backward();
  for (const Parameter* p : graph.parameters()) {
    INFO(p->name);
    CHECK(p->value.grad().defined() == (p->role != Role::constant));
  }
  Rng rng(1);
  Graph fresh = graph;
  fresh.initialize(c, rng, {});
  CHECK(fresh.parameter("prelu.weight")->value.at(3) == 0.25f);
  CHECK(test::difference(fresh.parameter("k.value")->value, graph.parameter("k.value")->value) ==
        0);
}

TEST_CASE("what does not fit a kind is refused by name") {
  const auto c = test::context();
  const Graph graph = every_kind(c);
  const auto node = [&](const char* name) -> const Node& { return graph.node(graph.find(name)); };
  CHECK_THROWS_WITH(remake(node("clip"), "hi", -3), Contains("lo must not be above hi"));
  CHECK_THROWS_WITH(remake(node("plus"), "beta", 0), Contains("beta must be above zero"));
  CHECK_THROWS_WITH(remake(node("gelu"), "approximate", "erf"), Contains("approximate"));
  CHECK_THROWS_WITH(remake(node("prelu"), "slopes", 0), Contains("slopes must lie in"));
  CHECK_THROWS_WITH(remake(node("a"), "channels", {0, 8, 0}), Contains("step of channels"));
  CHECK_THROWS_WITH(remake(node("a"), "rows", {0, 8}), Contains("list of 3 integers"));
  CHECK_THROWS_WITH(remake(node("a"), "picked", {3, 3}), Contains("picked must ascend"));
  CHECK_THROWS_WITH(remake(node("groups"), "groups", 3), Contains("groups must divide"));
  CHECK_THROWS_WITH(remake(node("shuffle"), "factor", 65), Contains("factor must lie in"));
  CHECK_THROWS_WITH(remake(node("shuffle"), "order", "rgb"), Contains("order"));
  CHECK_THROWS_WITH(remake(node("up"), "scale", {0, 1}), Contains("scale must lie above 0"));
  CHECK_THROWS_WITH(remake(node("to"), "size", {0, 1}), Contains("must"));
  CHECK_THROWS_WITH(remake(node("mean"), "axes", {2, 1}), Contains("must ascend"));
  CHECK_THROWS_WITH(remake(node("turned"), "axes", {1, 0, 2}), Contains("the first first"));
  CHECK_THROWS_WITH(remake(node("k"), "shape", Json::array()), Contains("shape"));

  const Shape image{1, 8, 6, 6}, other{1, 7, 6, 6}, rows{1, 5, 36};
  const Shape two[] = {image, other}, matrices[] = {rows, rows}, like[] = {rows, {1, 3, 5, 7}};
  CHECK_THROWS_WITH(node("product").infer_shape(two),
                    Contains("node product") && Contains("equal or 1"));
  CHECK_THROWS_WITH(node("matmul").infer_shape(matrices), Contains("matrices that fit"));
  CHECK_THROWS_WITH(node("there").infer_shape(like), Contains("rows of pixels"));
  CHECK_THROWS_WITH(node("shuffle").infer_shape(std::span(&other, 1)), Contains("multiple of 4"));
  CHECK_THROWS_WITH(node("prelu").infer_shape(std::span(&other, 1)), Contains("16 channels"));
  CHECK_THROWS_WITH(node("b").infer_shape(std::span(&other, 1)), Contains("takes nothing of"));
  CHECK_THROWS_WITH(make_constant("k", Tensor::zeros(c, {2, 3})), Contains("batch of 1"));
  Graph empty("one");
  CHECK_THROWS_WITH(empty.add(make_constant("k", Tensor::zeros(c, {1, 3}))),
                    Contains("must not be the first node"));
}
