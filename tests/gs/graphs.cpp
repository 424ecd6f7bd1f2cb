// Graphs for the tests of the passes; see graphs.h.
#include "tests/gs/graphs.h"

#include <algorithm>
#include <cmath>

namespace gsx::test {
namespace {

// Appends layers to a graph; every method returns the index of the node it made.
struct Builder {
  Graph graph{"hand_made"};
  int input(int channels) { return graph.add(make_input("input", channels)); }
  int conv(const std::string& name, int from, int in, int out, ConvOptions options = {},
           int kernel = 3) {
    return graph.add(
        make_conv(name, from, {.in = in, .out = out, .kernel = kernel, .options = options}));
  }
  int up(const std::string& name, int from, int in, int out) {
    return graph.add(make_conv_transpose(
        name, from, {.in = in, .out = out, .options = {.stride = 2, .pad = {1, 0, 1, 0}}}));
  }
  int norm(const std::string& name, int from, int channels, bool affine = true) {
    return graph.add(make_instance_norm(name, from, channels, affine));
  }
  int act(const std::string& name, int from, Activation a, float slope = 0.2f) {
    return graph.add(make_activation(name, from, a, slope));
  }
  int add(const std::string& name, int a, int b) { return graph.add(make_add(name, a, b)); }
};

constexpr ConvOptions kZero{.pad = Padding::all(1)};
constexpr ConvOptions kReflect{.pad = Padding::all(1), .pad_mode = PadMode::reflect};
constexpr ConvOptions kDown{.stride = 2, .pad = Padding::all(1)};

// Two encoder levels, two decoder levels, skips by concatenation, leaky relu before and tanh after
// norms.
Graph unet() {
  Builder b;
  int x = b.input(3);
  const int e1 =
      b.act("e1a", b.norm("e1n", b.conv("e1", x, 3, 6, kReflect), 6), Activation::leaky_relu);
  const int e2 = b.act("e2a", b.norm("e2n", b.conv("e2", e1, 6, 9, kDown), 9), Activation::tanh);
  const int mid = b.act("m_a", b.norm("m_n", b.conv("m", e2, 9, 7, kZero), 7), Activation::relu);
  const int both = b.graph.add(make_concat("cat1", {e2, mid}));
  const int d1 = b.act("d1a", b.norm("d1n", b.up("d1", both, 16, 5), 5), Activation::relu);
  const int skip = b.graph.add(make_concat("cat2", {d1, e1}));
  const int d2 = b.norm("d2n", b.conv("d2", skip, 11, 4, kReflect), 4);
  b.act("out_a", b.conv("out", b.act("d2a", d2, Activation::relu), 4, 3, kZero), Activation::tanh);
  return std::move(b.graph);
}

// Batch norm, explicit padding nodes, nearest upsampling, pools, a branch read by two convolutions
// and a residual stream normed before and after its adds.
Graph branches() {
  Builder b;
  int x = b.input(3);
  x = b.graph.add(make_pad("pad1", x, Padding::all(1), PadMode::reflect));
  x = b.graph.add(make_batch_norm("bn1", b.conv("c1", x, 3, 8), 8));
  x = b.act("a1", x, Activation::relu);
  x = b.graph.add(make_max_pool("pool", x, {.size = 2, .stride = 2}));
  const int wide = b.norm("n2", b.conv("c2", x, 8, 6, kReflect), 6);
  const int narrow = b.norm("n3", b.conv("c3", x, 8, 6, {}, 1), 6);
  const int stream = b.act("a2", b.add("sum1", wide, narrow), Activation::leaky_relu);
  int r = b.graph.add(make_pad("pad2", stream, Padding::all(1), PadMode::reflect));
  r = b.act("a3", b.norm("n4", b.conv("c4", r, 6, 5), 5), Activation::sigmoid);
  r = b.norm("n5", b.conv("c5", r, 5, 6, kZero), 6);
  x = b.add("sum2", stream, r);
  x = b.graph.add(make_upsample("up", x, 2));
  x = b.graph.add(make_avg_pool("blur", x, {.size = 2, .stride = 1}));
  b.conv("out", x, 6, 3, kReflect);
  return std::move(b.graph);
}

// Residual blocks with zero padding between affine norms; transposed convolutions behind them.
Graph zero_padded() {
  Builder b;
  int x = b.input(3);
  x = b.act("a0", b.norm("n0", b.conv("c0", x, 3, 7, kDown), 7), Activation::relu);
  for (const std::string block : {"r1", "r2"}) {
    int r = b.act(block + ".a", b.norm(block + ".n1", b.conv(block + ".c1", x, 7, 5, kZero), 5),
                  Activation::relu);
    r = b.norm(block + ".n2", b.conv(block + ".c2", r, 5, 7, kZero), 7);
    x = b.add(block + ".sum", x, r);
  }
  x = b.act("a3", b.norm("n3", b.up("u", x, 7, 6), 6), Activation::relu);
  b.act("tanh", b.conv("out", x, 6, 3, kZero), Activation::tanh);
  return std::move(b.graph);
}

void fill(const Tensor& t, Rng& rng, float mean, float deviation) {
  rng.fill_normal(t, mean, deviation);
}

Case named(const std::string& name, const std::function<Graph()>& make, const Shape& input) {
  return {name,
          [make] {
            Graph graph = make();
            randomize(graph, 7);
            return graph;
          },
          input};
}

}  // namespace

ContextPtr context() {
  static const ContextPtr shared = Context::create({.threads = 2});
  return shared;
}

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      named("cyclegan", [] { return cyclegan({.width = 6, .blocks = 2}); }, {2, 3, 28, 20}),
      named("cartoongan", [] { return cartoongan({.width = 4, .blocks = 2}); }, {2, 3, 20, 24}),
      named("fast_style", [] { return fast_style({.width = 5, .blocks = 2}); }, {2, 3, 20, 28}),
      named("unet", unet, {2, 3, 18, 26}),
      named("branches", branches, {2, 3, 19, 23}),
      named("zero_padded", zero_padded, {2, 3, 17, 21}),
      named("sngan", [] { return sngan({.width = 6, .latent = 5, .blocks = 2}); }, {2, 5}),
      named("style_aware", [] { return style_aware({.width = 3, .blocks = 2}); }, {2, 3, 32, 48}),
      named("pix2pix", [] { return gsx::unet({.width = 3, .layers = 4}); }, {2, 3, 32, 16}),
      named("pix2pix_affine",
            [] {
              return gsx::unet(
                  {.width = 4, .layers = 3, .norm = UnetNorm::instance, .affine = true});
            },
            {2, 3, 24, 16}),
  };
  return all;
}

const Case& case_named(const std::string& name) {
  return *std::find_if(cases().begin(), cases().end(),
                       [&](const Case& c) { return c.name == name; });
}

void randomize(Graph& graph, uint64_t seed) {
  Rng rng(seed);
  graph.initialize(context(), rng, {});
  for (Parameter* p : graph.parameters()) {
    const double fan_in =
        p->shape.rank() == 4 ? double(p->shape[1] * p->shape[2] * p->shape[3]) : 1;
    if (p->role == Role::weight) fill(p->value, rng, 0, static_cast<float>(1 / std::sqrt(fan_in)));
    if (p->role == Role::bias) fill(p->value, rng, 0, 0.3f);
    if (p->role == Role::gamma) fill(p->value, rng, 0.8f, 0.5f);
    if (p->role == Role::beta) fill(p->value, rng, 0.1f, 0.5f);
    if (p->role == Role::running_mean) fill(p->value, rng, 0, 0.3f);
    if (p->role == Role::running_var) rng.fill_uniform(p->value, 0.5f, 2);
  }
  for (int i = 0; i < graph.size(); ++i) {
    std::vector<Tensor> singular;
    for (const Parameter* p : graph.node(i).parameters())
      if (p->role == Role::singular) singular.push_back(p->value);
    for (int turn = 0; turn < 5 && !singular.empty(); ++turn)
      power_iteration(graph.node(i).parameter(Role::weight)->value, singular[0], singular[1]);
  }
}

Tensor random_images(const Shape& shape, uint64_t seed, const ImageFormat& format) {
  Rng rng(seed);
  const Tensor x = Tensor::zeros(context(), shape);
  rng.fill_uniform(x, format.lo, format.hi);
  return x;
}

void quantize_graph(Graph& graph, const Shape& input, const WeightQuant& weights) {
  QuantizeOptions options;
  options.weights = weights;
  insert_quantizers(graph, options);
  calibrate(graph, {random_images(input, 11, graph.input_format)}, options);
}

void kill(Graph& graph, const PruneGroup& group, int i) {
  for (const PruneGroup::Norm& norm : group.norms)
    graph.node(norm.node).parameter(Role::gamma)->value.mutable_data<float>()[norm.channels[i]] = 0;
}

void kill_all(Graph& graph, const PruneGroup& group) {
  for (int i = 0; i < group.channels(); ++i) kill(graph, group, i);
}

void kill_some(Graph& graph, const std::vector<PruneGroup>& groups, double share, uint64_t seed) {
  Rng rng(seed);
  for (const PruneGroup& group : groups)
    for (int i = 0; i < group.channels(); ++i)
      if (rng.coin(share)) kill(graph, group, i);
}

double max_abs(const Tensor& x) {
  double most = 0;
  for (const float v : x.to_vector()) most = std::max(most, std::abs(double(v)));
  return most;
}

double max_difference(const Tensor& a, const Tensor& b) {
  GSX_CHECK(a.shape() == b.shape(), "test: shapes differ, ", a.shape(), " and ", b.shape());
  const std::vector<float> va = a.to_vector(), vb = b.to_vector();
  double most = 0;
  for (size_t i = 0; i < va.size(); ++i) {
    const double d = std::abs(double(va[i]) - vb[i]);
    most = d <= most ? most : d;  // NaN stays
  }
  return most;
}

}  // namespace gsx::test
