// Cutting input channels that are constants: the layer computes the same as before, at borders too,
// in floats and in the integer program bit for bit.
#include "models/integer.h"
#include "tests/models/helpers.h"

using namespace gsx;

namespace {

struct Case {
  const char* name;
  int channels, outputs;
  ConvSpec spec;
  bool transposed;
};

std::vector<Case> cases() {
  const auto spec = [](int kernel, int stride, Padding pad, PadMode mode = PadMode::zero) {
    ConvSpec s;
    s.in = 7;
    s.out = 5;
    s.kernel = kernel;
    s.options = {stride, pad, mode};
    return s;
  };
  ConvSpec same = spec(3, 2, {});
  same.same_pad = true;
  same.bias = false;
  return {{"reflect", 7, 5, spec(3, 1, Padding::all(1), PadMode::reflect), false},
          {"zero", 7, 5, spec(3, 1, Padding::all(1)), false},
          {"stride", 7, 5, spec(4, 2, Padding::all(1)), false},
          {"asymmetric", 7, 5, spec(3, 2, {0, 2, 1, 0}), false},
          {"same", 7, 5, same, false},
          {"valid", 7, 5, spec(5, 1, {}), false},
          {"doubling", 7, 5, spec(3, 2, {1, 0, 1, 0}), true},
          {"cropping", 7, 5, spec(4, 3, {2, 1, 0, 3}), true}};
}

// input -> [quantize] -> layer
Graph layer_graph(const Case& item, bool quantized) {
  Graph graph("layer");
  graph.input_format = {-8, 9, false};  // no grid: the image stays as it is
  graph.add(make_input("x", item.channels));
  int at = 0;
  if (quantized) at = graph.add(make_quantize("q", 0, QuantGrid::int8, 4, true));
  graph.add(item.transposed ? make_conv_transpose("layer", at, item.spec)
                            : make_conv("layer", at, item.spec));
  if (quantized) graph.node(graph.output()).set_weight_quant(WeightQuant{});
  return graph;
}

// Random values, the channels not kept being constants.
Tensor input_with_constants(const ContextPtr& c, const std::vector<int>& keep,
                            const std::vector<float>& constants, const Shape& shape, bool cut) {
  Rng rng(5);
  std::vector<float> all, kept;
  for (int64_t n = 0; n < shape[0]; ++n) {
    for (int k = 0; k < shape[1]; ++k) {
      const bool keeps = std::find(keep.begin(), keep.end(), k) != keep.end();
      for (int64_t i = 0; i < shape[2] * shape[3]; ++i) {
        const float v = keeps ? rng.normal() : constants[k];
        all.push_back(v);
        if (keeps) kept.push_back(v);
      }
    }
  }
  const auto channels = static_cast<int64_t>(keep.size());
  return cut ? Tensor::from(c, kept, {shape[0], channels, shape[2], shape[3]})
             : Tensor::from(c, all, shape);
}

std::vector<float> picked_channels(const Tensor& t, const std::vector<int>& keep) {
  const auto values = t.to_vector();
  const int64_t plane = t.dim(2) * t.dim(3);
  std::vector<float> result;
  for (int64_t n = 0; n < t.dim(0); ++n) {
    for (const int k : keep) {
      const float* from = &values[(n * t.dim(1) + k) * plane];
      result.insert(result.end(), from, from + plane);
    }
  }
  return result;
}

void check_cut(const Case& item, const std::vector<int>& keep, bool quantized) {
  INFO(item.name << " keeping " << keep.size() << (quantized ? " quantised" : ""));
  const auto c = test::context();
  Graph graph = layer_graph(item, quantized);
  test::randomize(graph, c, 11);
  const Shape shape{2, 7, 9, 11};
  std::vector<float> constants = {0.3f, -0.7f, 0, 1.1f, 2.5f, -0.01f, 0.6f};
  const Tensor x = input_with_constants(c, keep, constants, shape, false);
  const std::vector<int> keep_output = {0, 2, 4};

  Graph cut = graph;
  Node& layer = cut.node(cut.output());
  ChannelCut what;
  what.keep_inputs = {keep};
  what.keep_output = keep_output;
  if (quantized) {
    auto& quantizer = dynamic_cast<Quantize&>(cut.node(1));
    what.step = quantizer.range().scale;
    for (float& v : constants)
      v = *quantizer.constant(0, std::vector{std::optional<float>(v)}, true);
  }
  what.input_constants = {constants};
  layer.cut(what);

  // The cut layer behind an input of its own width; without inputs left, any channel gives the
  // size.
  const bool nothing_left = keep.empty();
  Graph small("small");
  small.input_format = graph.input_format;
  small.add(make_input("x", nothing_left ? 1 : static_cast<int>(keep.size())));
  if (quantized) small.add(cut.node(1).clone());
  small.add(layer.clone());
  const Tensor narrow = nothing_left ? Tensor::zeros(c, {2, 1, 9, 11})
                                     : input_with_constants(c, keep, constants, shape, true);
  const auto want = picked_channels(graph.run(x), keep_output);
  CHECK(test::largest_difference(small.run(narrow).to_vector(), want) <=
        2e-6 * (1 + test::largest(want)));
  if (!quantized) return;
  Tensor sums, sums_after;
  lower(graph, false).run({x}, [&](int i, const IntegerValue& v) {
    if (i == graph.output()) sums = v.tensor;
  });
  lower(small, false).run({narrow}, [&](int i, const IntegerValue& v) {
    if (i == small.output()) sums_after = v.tensor;
  });
  REQUIRE(sums.dtype() == DType::i32);
  REQUIRE(sums_after.dtype() == DType::i32);
  const bool equal = picked_channels(sums, keep_output) == sums_after.to_vector();
  CHECK(equal);
}

}  // namespace

TEST_CASE("constant channels fold exactly") {
  for (const Case& item : cases()) {
    for (const bool quantized : {false, true}) {
      check_cut(item, {0, 3, 6}, quantized);
      check_cut(item, {0, 1, 2, 3, 4, 5, 6}, quantized);
      check_cut(item, {}, quantized);
    }
  }
}

TEST_CASE("cutting twice is cutting once") {
  const auto c = test::context();
  for (const Case& item : cases()) {
    INFO(item.name);
    Graph graph = layer_graph(item, false);
    test::randomize(graph, c, 12);
    const std::vector<float> constants = {1, 2, 3, 4, 5, 6, 7};
    ChannelCut both{{{1, 4}}, {constants}, {0, 1, 2, 3, 4}, 0};
    ChannelCut first{{{0, 1, 4, 6}}, {constants}, {0, 1, 2, 3, 4}, 0};
    ChannelCut second{{{1, 2}}, {{1, 2, 5, 7}}, {0, 1, 2, 3, 4}, 0};
    const auto once = graph.node(1).clone(), twice = graph.node(1).clone();
    once->cut(both);
    twice->cut(first);
    twice->cut(second);
    const Tensor x = test::image(c, {1, 2, 8, 8}, 13);
    const Tensor in[] = {x};
    CHECK(test::difference(once->run(in, {}), twice->run(in, {})) <= 1e-4);
  }
}

TEST_CASE("linear layers fold constants too") {
  const auto c = test::context();
  for (const bool quantized : {false, true}) {
    Graph graph("linear");
    graph.add(make_vector_input("x", 6));
    graph.add(make_quantize("q", 0, QuantGrid::int8, 4, true));
    graph.add(make_linear("layer", 1, 6, 3));
    if (quantized) graph.node(2).set_weight_quant(WeightQuant{});
    test::randomize(graph, c, 14);
    const float step = dynamic_cast<Quantize&>(graph.node(1)).range().scale;
    const float k = 20 * step;
    const Tensor x = Tensor::from(c, std::vector<float>{1, k, 2, k, k, 3}, Shape{1, 6});
    const Tensor narrow = Tensor::from(c, std::vector<float>{1, 2, 3}, Shape{1, 3});
    const Tensor before = graph.evaluate(x);
    Graph small("small");
    small.add(make_vector_input("x", 3));
    small.add(graph.node(1).clone());
    small.add(graph.node(2).clone());
    small.node(2).cut({{{0, 2, 5}}, {{0, k, 0, k, k, 0}}, {0, 1, 2}, step});
    CHECK(test::difference(small.evaluate(narrow), before) <= 1e-6);
  }
}

TEST_CASE("constants pass through nodes as their values do") {
  const auto c = test::context();
  Graph graph("chain");
  graph.add(make_input("x", 2));
  graph.add(make_instance_norm("norm", 0, 2, true));
  graph.add(make_activation("act", 1, Activation::leaky_relu, 0.3f));
  graph.add(make_affine("affine", 2, {2, 3}, {0.5f, -0.25f}));
  graph.add(make_quantize("q", 3, QuantGrid::int8, 4, true));
  graph.add(make_upsample("up", 4, 2));
  graph.add(make_max_pool("max", 5, {3, 2, 1, true, false}));
  graph.add(make_add("sum", 6, 6));
  graph.add(make_activation("tanh", 7, Activation::tanh));
  test::randomize(graph, c, 15);
  graph.parameter("norm.weight")->value.fill(0);
  const Tensor x = test::image(c, {1, 2, 8, 8}, 16);
  RunOptions options;
  std::vector<Tensor> values(graph.size());
  options.observer = [&](int i, const Tensor& t) { values[i] = t; };
  graph.run(x, options);
  const auto shapes = graph.infer_shapes(x.shape());
  for (int channel = 0; channel < 2; ++channel) {
    std::vector<std::optional<float>> known(graph.size());
    for (int i = 1; i < graph.size(); ++i) {
      std::vector<std::optional<float>> in;
      for (const int j : graph.node(i).inputs) in.push_back(known[j]);
      known[i] = graph.node(i).constant(channel, in, false);
      INFO(graph.node(i).name);
      REQUIRE(known[i]);
      for (const float v : picked_channels(values[i], {channel})) CHECK(v == *known[i]);
    }
  }
  const std::optional<float> varies[] = {std::nullopt};
  CHECK(!graph.node(2).constant(0, varies, false));
  const auto zero_pad = make_pad("pad", 0, Padding::all(1), PadMode::zero);
  const std::optional<float> one[] = {1.0f}, nothing[] = {0.0f};
  CHECK(!zero_pad->constant(0, one, false));
  CHECK(zero_pad->constant(0, nothing, false) == 0.0f);
}
