// A small network for every kind of node and its options, for tests of exported networks.
#include "models/nodes.h"
#include "tests/gs/exported.h"

namespace gsx::test {

namespace {

constexpr int kChannels = 8;

Case of_node(const std::string& name, const std::function<NodePtr(int input)>& make) {
  return {name,
          [name, make] {
            Graph graph(name);
            graph.add(make_input("input", kChannels));
            graph.add(make(0));
            randomize(graph, 5);
            return graph;
          },
          {2, kChannels, 12, 16}};
}

Case of_conv(const std::string& name, const ConvOptions& options, PerAxis kernel = 3,
             bool same = false, bool transposed = false) {
  return of_node(name, [=](int in) {
    const ConvSpec spec{
        .in = kChannels, .out = 4, .kernel = kernel, .options = options, .same_pad = same};
    return transposed ? make_conv_transpose("conv", in, spec) : make_conv("conv", in, spec);
  });
}

void add_convolutions(std::vector<Case>& all) {
  all.push_back(of_conv("conv_odd_sides", {.pad = {0, 1, 2, 3}}));
  all.push_back(of_conv("conv_oblong", {.stride = {1, 2}, .pad = Padding::all(1)}, {5, 3}));
  all.push_back(of_conv("conv_dilated", {.pad = Padding::all(2), .dilation = {2, 1}}));
  all.push_back(of_conv("conv_grouped", {.pad = Padding::all(1), .groups = 4}));
  all.push_back(of_conv("conv_repeated", {.pad = {1, 2, 1, 0}, .pad_mode = PadMode::replicate}));
  all.push_back(of_conv("conv_reflected", {.pad = {1, 2, 1, 0}, .pad_mode = PadMode::reflect}));
  all.push_back(of_conv("conv_same", {}, 4, true));
  all.push_back(of_conv("conv_same_halved", {.stride = 2}, 3, true));
  all.push_back(of_conv("deconv_grows", {.stride = 2, .pad = {1, 0, 1, 0}}, 3, false, true));
  all.push_back(of_conv("deconv_crops", {.stride = 2, .pad = {0, 1, 0, 1}}, 3, false, true));
  all.push_back(of_conv("deconv_oblong",
                        {.stride = {2, 1}, .pad = {1, 1, 0, 0}, .dilation = {1, 2}}, {4, 3}, false,
                        true));
  all.push_back(of_conv("deconv_grouped", {.stride = 2, .pad = Padding::all(1), .groups = 2}, 4,
                        false, true));
}

void add_resampling(std::vector<Case>& all) {
  for (const auto mode : {ResizeMode::nearest, ResizeMode::linear})
    for (const auto at : {ResizeCoordinates::asymmetric, ResizeCoordinates::half_pixel,
                          ResizeCoordinates::align_corners})
      for (const auto rounding : {ResizeRounding::round_prefer_floor,
                                  ResizeRounding::round_prefer_ceil, ResizeRounding::floor}) {
        if (mode == ResizeMode::linear && rounding != ResizeRounding::floor) continue;
        ResizeOptions o;
        o.rule = {mode, at, rounding};
        const std::string name = "resize_" + std::to_string(static_cast<int>(mode)) +
                                 std::to_string(static_cast<int>(at)) +
                                 std::to_string(static_cast<int>(rounding));
        o.scale_h = 2;
        o.scale_w = 1.5;
        all.push_back(of_node(name, [o](int in) { return make_resize("resize", in, o); }));
        o.height = 7;
        o.width = 31;
        all.push_back(of_node(name + "_to", [o](int in) { return make_resize("resize", in, o); }));
      }
  for (const auto order : {ShuffleOrder::crd, ShuffleOrder::dcr}) {
    const std::string name = order == ShuffleOrder::crd ? "crd" : "dcr";
    all.push_back(of_node("shuffle_" + name,
                          [order](int in) { return make_pixel_shuffle("shuffle", in, 2, order); }));
    all.push_back(of_node("unshuffle_" + name, [order](int in) {
      return make_pixel_unshuffle("unshuffle", in, 2, order);
    }));
  }
  all.push_back(of_node("upsample", [](int in) { return make_upsample("up", in, 3); }));
  all.push_back(of_node("crop", [](int in) {
    return make_pad("crop", in, {-1, 2, 3, -2}, PadMode::zero);
  }));
  all.push_back(of_node("max_pool", [](int in) {
    return make_max_pool("pool", in, {.size = 3, .stride = 2, .pad = 1, .ceil_mode = true});
  }));
  for (const bool counts : {false, true})
    all.push_back(of_node(counts ? "avg_pool_padded" : "avg_pool", [counts](int in) {
      return make_avg_pool("pool", in,
                           {.size = 3, .stride = 2, .pad = 1, .count_include_pad = counts});
    }));
  all.push_back(of_node("global_avg_pool", [](int in) { return make_global_avg_pool("p", in); }));
  all.push_back(of_node("slices", [](int in) {
    return make_slice("s", in, {1, -2, 1}, {2, 9, 1});
  }));
  all.push_back(of_node("slice_steps", [](int in) {
    return make_slice("s", in, {0, 8, 3}, {1, -1, 2}, {1, INT64_MAX, 2});
  }));
}

void add_pointwise(std::vector<Case>& all) {
  for (const auto f : {Activation::none, Activation::relu, Activation::leaky_relu, Activation::tanh,
                       Activation::sigmoid})
    all.push_back(of_node("activation" + std::to_string(static_cast<int>(f)),
                          [f](int in) { return make_activation("a", in, f, 0.3f); }));
  for (const auto f :
       {Pointwise::silu, Pointwise::hard_swish, Pointwise::gelu, Pointwise::gelu_tanh})
    all.push_back(of_node("pointwise" + std::to_string(static_cast<int>(f)),
                          [f](int in) { return make_pointwise("a", in, f); }));
  all.push_back(of_node("clip", [](int in) {
    return make_pointwise("a", in, Pointwise::clip, {-0.5f, 0.25f});
  }));
  all.push_back(of_node("softplus", [](int in) {
    return make_pointwise("a", in, Pointwise::softplus, {2, 20});
  }));
  all.push_back(of_node("prelu_each", [](int in) { return make_prelu("a", in, kChannels); }));
  all.push_back(of_node("prelu_all", [](int in) { return make_prelu("a", in, 1); }));
  all.push_back(of_node("affine", [](int in) { return make_affine("a", in, {-1}, {0.5f}); }));
  all.push_back(of_node("affine_each", [](int in) {
    return make_affine("a", in, {1, 2, 3, 4, 5, 6, 7, 8}, {0, 1, 0, -1, 0, 1, 0, 2});
  }));
  all.push_back(of_node("mean_of_pixels", [](int in) {
    return make_reduce_mean("m", in, {2, 3});
  }));
  all.push_back(of_node("mean_of_channels", [](int in) { return make_reduce_mean("m", in, {1}); }));
}

void add_norms(std::vector<Case>& all) {
  for (const bool affine : {false, true})
    for (const bool unbiased : {false, true}) {
      const std::string end = std::string(affine ? "_affine" : "") + (unbiased ? "_unbiased" : "");
      all.push_back(of_node("instance_norm" + end, [=](int in) {
        return make_instance_norm("n", in, kChannels, affine, 1e-3f, unbiased);
      }));
      all.push_back(of_node("group_norm" + end, [=](int in) {
        return make_group_norm("n", in, kChannels, 2, affine, 1e-5f, unbiased);
      }));
    }
  for (const bool affine : {false, true})
    all.push_back(of_node(affine ? "batch_norm" : "batch_norm_plain", [affine](int in) {
      return make_batch_norm("n", in, kChannels, affine);
    }));
}

// Pixels that attend to each other, and a gate of all.
Graph attention() {
  Graph g("attention");
  g.add(make_input("input", kChannels));
  const int q = g.add(make_conv("block.q", 0, {.in = kChannels, .out = 4, .kernel = 1}));
  const int k = g.add(make_conv("block.k", 0, {.in = kChannels, .out = 4, .kernel = 1}));
  const int rows = g.add(make_flatten_pixels("block.rows", q));
  const int turned = g.add(make_transpose("block.turned", rows, {0, 2, 1}));
  const int columns = g.add(make_flatten_pixels("block.columns", k));
  const int scores = g.add(make_matmul("block.scores", turned, columns));
  const int shares = g.add(make_softmax("block.shares", scores));
  const int mixed = g.add(make_matmul("block.mixed", columns, shares, true));
  const int seen = g.add(make_reshape_like("block.seen", mixed, q));
  const int back = g.add(make_conv("block.back", seen, {.in = 4, .out = kChannels, .kernel = 1}));
  const int mean = g.add(make_global_avg_pool("gate.pool", 0));
  const int flat = g.add(make_reshape("gate.flat", mean, kChannels));
  const int dense = g.add(make_linear("gate.dense", flat, kChannels, kChannels));
  const int sides = g.add(make_reshape("gate.sides", dense, kChannels, 1, 1));
  const int gate = g.add(make_activation("gate.sigmoid", sides, Activation::sigmoid));
  const int gated = g.add(make_arithmetic("gated", Arithmetic::mul, back, gate));
  const int less = g.add(make_arithmetic("less", Arithmetic::sub, gated, 0));
  g.add(make_arithmetic("quotient", Arithmetic::div, less, gate));
  randomize(g, 5);
  return g;
}

}  // namespace

std::vector<Case> kind_cases() {
  std::vector<Case> all;
  add_convolutions(all);
  add_resampling(all);
  add_pointwise(all);
  add_norms(all);
  all.push_back({"attention", attention, {2, kChannels, 6, 5}});
  return all;
}

}  // namespace gsx::test
