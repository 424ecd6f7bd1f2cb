// Extraction through every kind that ties channels in a way of its own, on random graphs of them
// with random scales at zero: pruned and extracted equals masked.
#include <set>

#include "gs/passes/extract.h"
#include "gs/passes/insert_scales.h"
#include "tests/catch.h"
#include "tests/gs/graphs.h"

using namespace gsx;
using namespace gsx::test;

namespace {

const Shape kImage{2, 3, 16, 24};

class TiedGraph {
 public:
  // bare: most convolutions have no norm, and those that are left no scales.
  explicit TiedGraph(uint64_t seed, bool bare = false) : rng_(seed), bare_(bare) {
    graph_.add(make_input("input", 3));
  }

  Graph grow(int steps) {
    add_block();
    for (int i = 0; i < steps; ++i) {
      couple();
      if (pick(3) != 0) add_block();
    }
    graph_.add(make_conv(fresh("out"), last(), {.in = channels(last()), .out = 3, .kernel = 1}));
    return std::move(graph_);
  }

 private:
  int pick(int n) { return static_cast<int>(rng_.below(n)); }
  int last() const { return graph_.output(); }
  std::string fresh(const std::string& what) { return what + std::to_string(graph_.size()); }
  Shape shape(int node) const { return graph_.infer_shapes(kImage)[node]; }
  int channels(int node) const { return static_cast<int>(shape(node)[1]); }
  int conv(int from, int out, int kernel = 1) {
    const ConvOptions options{.pad = Padding::all(kernel / 2)};
    return graph_.add(
        make_conv(fresh("conv"), from,
                  {.in = channels(from), .out = out, .kernel = kernel, .options = options}));
  }
  Tensor numbers(const Shape& s) {
    Rng rng(rng_.below(1 << 30));
    const Tensor t = Tensor::zeros(context(), s);
    rng.fill_uniform(t, 0.5f, 2);
    return t;
  }

  // conv, norm, and something pointwise.
  void add_block() {
    const int out = 4 * (1 + pick(3));
    const int x = conv(last(), out, 3);
    if (!bare_ || pick(4) == 0) graph_.add(make_instance_norm(fresh("norm"), x, out, !bare_));
    add_function();
  }
  void add_function() {
    const int x = last();
    switch (pick(8)) {
      case 0: graph_.add(make_prelu(fresh("prelu"), x, pick(2) ? channels(x) : 1)); break;
      case 1: graph_.add(make_pointwise(fresh("clip"), x, Pointwise::clip, {0, 1.5f})); break;
      case 2: graph_.add(make_pointwise(fresh("silu"), x, Pointwise::silu)); break;
      case 3: graph_.add(make_pointwise(fresh("swish"), x, Pointwise::hard_swish)); break;
      case 4: graph_.add(make_pointwise(fresh("gelu"), x, Pointwise::gelu)); break;
      case 5: graph_.add(make_pointwise(fresh("gelu"), x, Pointwise::gelu_tanh)); break;
      case 6: graph_.add(make_pointwise(fresh("plus"), x, Pointwise::softplus, {1, 20})); break;
      default: graph_.add(make_activation(fresh("relu"), x, Activation::relu));
    }
  }

  void couple() {
    switch (pick(10)) {
      case 0: gate(); break;
      case 1: mask(); break;
      case 2: by_constant(); break;
      case 3: split(); break;
      case 4: shuffle(); break;
      case 5: resize(); break;
      case 6:
      case 7: group_norm(); break;
      case 8: attend(); break;
      default: adapt();
    }
  }
  // Squeeze and excite.
  void gate() {
    const int x = last(), mean = graph_.add(make_reduce_mean(fresh("mean"), x, {2, 3}));
    const int g =
        graph_.add(make_activation(fresh("gate"), conv(mean, channels(x)), Activation::sigmoid));
    graph_.add(make_arithmetic(fresh("gated"), Arithmetic::mul, x, g));
  }
  // A mask from other channels; one from a mean over all of these pins them.
  void mask() {
    const int x = last(),
              from = pick(4) ? conv(x, 1) : graph_.add(make_reduce_mean(fresh("m"), x, {1}));
    graph_.add(make_arithmetic(fresh("masked"), Arithmetic::mul, from, x));
  }
  void by_constant() {
    constexpr Arithmetic kAll[] = {Arithmetic::add, Arithmetic::sub, Arithmetic::mul,
                                   Arithmetic::div};
    const int x = last();
    const int64_t wide = pick(4) ? channels(x) : 1;
    const int c = graph_.add(make_constant(fresh("constant"), numbers({1, wide, 1, 1})));
    const Arithmetic op = kAll[pick(4)];
    const bool first = op != Arithmetic::div && pick(3) == 0;
    graph_.add(make_arithmetic(fresh("by"), op, first ? c : x, first ? x : c));
  }
  // Every other channel and the rest, perhaps changed, next to each other again.
  void split() {
    const int x = last();
    const int a = graph_.add(make_slice(fresh("even"), x, {0, INT64_MAX, 2}));
    const int b = graph_.add(make_slice(fresh("odd"), x, {1, -1, 2}));
    graph_.add(make_concat(fresh("concat"),
                           {a, graph_.add(make_activation(fresh("tanh"), b, Activation::tanh))}));
    if (pick(2)) graph_.add(make_slice(fresh("rows"), last(), {}, {0, -1, 2}, {0, INT64_MAX, 2}));
  }
  void shuffle() {
    const int x = last();
    const Shape s = shape(x);
    const auto order = pick(2) ? ShuffleOrder::crd : ShuffleOrder::dcr;
    if (s[1] % 4 == 0 && s[2] < 40) graph_.add(make_pixel_shuffle(fresh("shuffle"), x, 2, order));
    if (s[2] % 2 == 0 && s[3] % 2 == 0 && pick(2))
      graph_.add(make_pixel_unshuffle(fresh("unshuffle"), last(), 2, order));
  }
  void resize() {
    const Shape s = shape(last());
    const ResizeRule rule{static_cast<ResizeMode>(pick(2)), static_cast<ResizeCoordinates>(pick(4)),
                          static_cast<ResizeRounding>(pick(4))};
    const double scale = s[2] > 12 ? 0.5 : 2;
    graph_.add(
        make_resize(fresh("resize"), last(), {.rule = rule, .scale_h = scale, .scale_w = scale}));
  }
  // Group norm counts what it loses: a dead channel must come in as a constant.
  void group_norm() {
    const int wide = channels(last()), groups = wide % 4 == 0 ? 1 << pick(3) : 1;
    const bool affine = pick(4) != 0 && !bare_;
    graph_.add(make_group_norm(fresh("groups"), last(), wide, groups, affine, 1e-3f));
    if (pick(2)) add_function();
  }
  // Attention over pixels with a residual: the channels of the values go through.
  void attend() {
    const int x = last();
    if (shape(x)[2] > 16) return;
    const int q = graph_.add(make_flatten_pixels(fresh("q"), conv(x, 3)));
    const int k = graph_.add(make_flatten_pixels(fresh("k"), conv(x, 3)));
    const int turned = graph_.add(make_transpose(fresh("turned"), q, {0, 2, 1}));
    const int weights = graph_.add(
        make_softmax(fresh("weights"), graph_.add(make_matmul(fresh("scores"), turned, k))));
    const int v = graph_.add(make_flatten_pixels(fresh("v"), x));
    const int seen = graph_.add(make_matmul(fresh("seen"), v, weights, true));
    const int there = graph_.add(make_reshape_like(fresh("there"), seen, x));
    graph_.add(make_add(fresh("sum"), x, there));
  }
  // AdaLIN: instance and layer norm mixed, scaled and shifted by what the image says.
  void adapt() {
    const int x = last(), wide = channels(x);
    const int a = graph_.add(make_instance_norm(fresh("i"), x, wide, false));
    const int b = graph_.add(make_group_norm(fresh("l"), x, wide, 1, false, 1e-3f));
    const int rho = graph_.add(make_constant(fresh("rho"), numbers({1, wide, 1, 1}), true));
    const int mixed = graph_.add(
        make_arithmetic(fresh("mixed"), Arithmetic::add,
                        graph_.add(make_arithmetic(fresh("a"), Arithmetic::mul, a, rho)), b));
    const int mean = graph_.add(make_reduce_mean(fresh("mean"), x, {2, 3}));
    const int gamma = conv(mean, wide), beta = conv(mean, wide);
    const int scaled = graph_.add(make_arithmetic(fresh("scaled"), Arithmetic::mul, mixed, gamma));
    graph_.add(make_arithmetic(fresh("adapted"), Arithmetic::add, scaled, beta));
  }

  Graph graph_{"tied"};
  Rng rng_;
  bool bare_;
};

// Scales at zero, by prunable group and one by one; often with their shifts, since only a zero is a
// constant behind a gate, and four equal ones behind a shuffle.
void mask(Graph& graph, Rng& rng) {
  for (const PruneGroup& group : prune_groups(graph))
    for (int i = 0; i < group.channels(); ++i)
      if (rng.coin(0.3)) kill(graph, group, i);
  for (int i = 0; i < graph.size(); ++i) {
    Parameter* scale = graph.node(i).parameter(Role::gamma);
    if (!scale) continue;
    Parameter* shift = graph.node(i).parameter(Role::beta);  // not of an inserted scale
    const double share = rng.coin(0.3) ? 0.8 : 0.3, with_shift = rng.coin(0.7) ? 1 : 0.3;
    for (int c = 0; c < scale->value.numel(); ++c) {
      if (rng.coin(share)) scale->value.mutable_data<float>()[c] = 0;
      if (shift && scale->value.at(c) == 0 && rng.coin(with_shift))
        shift->value.mutable_data<float>()[c] = 0;
    }
  }
}

// The kinds of nodes that have fewer channels now.
void note_cut(const Graph& before, const Graph& after, std::set<std::string>& kinds) {
  const auto old_shapes = before.infer_shapes(kImage), shapes = after.infer_shapes(kImage);
  for (int i = 1; i < after.size(); ++i) {
    const int old = before.find(after.node(i).name);
    if (old >= 0 && shapes[i][1] < old_shapes[old][1])
      kinds.insert(std::string(after.node(i).kind()));
  }
}

}  // namespace

TEST_CASE("extraction keeps the function of random graphs of every kind of tie") {
  std::set<std::string> cut;
  for (uint64_t seed = 1; seed <= 120; ++seed) {
    INFO("seed " << seed);
    Graph graph = TiedGraph(seed).grow(4);
    randomize(graph, seed);
    Rng rng(seed, 1);
    mask(graph, rng);
    const Graph small = checked_extraction(graph, kImage, seed);
    note_cut(graph, small, cut);
    const Graph read = graph_from_json(Json::parse(graph_to_json(small).dump()));
    CHECK(read.infer_shapes(kImage).back() == graph.infer_shapes(kImage).back());
  }
  for (const char* kind : {"add",      "sub",           "mul",
                           "div",      "constant",      "slice",
                           "concat",   "pixel_shuffle", "pixel_unshuffle",
                           "resize",   "group_norm",    "reduce_mean",
                           "matmul",   "prelu",         "clip",
                           "silu",     "hard_swish",    "gelu",
                           "softplus", "reshape"}) {
    INFO(kind);
    CHECK(cut.count(kind) == 1);
  }
}

TEST_CASE("quantised graphs of these ties keep their bits, but for statistics over groups") {
  for (uint64_t seed = 201; seed <= 240; ++seed) {
    INFO("seed " << seed);
    Graph graph = TiedGraph(seed).grow(3);
    randomize(graph, seed);
    Rng rng(seed, 1);
    mask(graph, rng);
    quantize_graph(graph, kImage);
    freeze_weight_scales(graph);
    const Tensor x = random_images(kImage, seed);
    const Graph small = extract(graph);
    bool groups = false;
    for (int i = 0; i < graph.size(); ++i) groups |= graph.node(i).counts_channels();
    const Tensor want = graph.evaluate(x);
    const double difference = max_difference(small.evaluate(x), want);
    if (groups) CHECK(difference <= 0.2 * std::max(1.0, max_abs(want)));
    else CHECK(difference == 0);
  }
}

TEST_CASE("extraction folds inserted scales through every kind of tie") {
  std::set<std::string> cut;
  int inserted = 0;
  for (uint64_t seed = 401; seed <= 520; ++seed) {
    INFO("seed " << seed);
    Graph graph = TiedGraph(seed, true).grow(4);
    inserted += insert_scales(graph) > 0;
    randomize(graph, seed);
    Rng rng(seed, 1);
    mask(graph, rng);
    const Graph small = checked_extraction(graph, kImage, seed);
    note_cut(graph, small, cut);
    bool groups = false;
    for (int i = 0; i < graph.size(); ++i) groups |= graph.node(i).counts_channels();
    if (groups) continue;
    quantize_graph(graph, kImage);
    freeze_weight_scales(graph);
    const Tensor x = random_images(kImage, seed);
    CHECK(max_difference(extract(graph).evaluate(x), graph.evaluate(x)) == 0);
  }
  CHECK(inserted > 100);
  for (const char* kind : {"conv", "instance_norm", "add", "mul", "slice", "concat",
                           "pixel_shuffle", "pixel_unshuffle", "group_norm", "resize"}) {
    INFO(kind);
    CHECK(cut.count(kind) == 1);
  }
}

TEST_CASE("what these kinds let nobody prune") {
  const auto groups_through = [](auto&& add) {
    Graph graph("one");
    const auto norm = [&](int from, int in, int out) {
      const std::string name = std::to_string(graph.size());
      const int c = graph.add(make_conv("c" + name, from, {.in = in, .out = out, .kernel = 1}));
      return graph.add(make_instance_norm("n" + name, c, out, true));
    };
    graph.add(make_input("input", 3));
    const int x = add(graph, norm(0, 3, 8));
    const int last = static_cast<int>(graph.infer_shapes({1, 3, 64, 64})[x][1]);
    graph.add(make_conv("out", x, {.in = last, .out = 3, .kernel = 1}));
    randomize(graph, 1);
    return prune_groups(graph).size();
  };
  CHECK(groups_through([](Graph&, int x) { return x; }) == 1);
  // Whatever the shifts are, a block of four of them is no constant.
  CHECK(groups_through([](Graph& g, int x) { return g.add(make_pixel_shuffle("s", x, 2)); }) == 0);
  CHECK(groups_through([](Graph& g, int x) { return g.add(make_pixel_unshuffle("s", x, 2)); }) ==
        1);
  CHECK(groups_through([](Graph& g, int x) { return g.add(make_reduce_mean("m", x, {1})); }) == 0);
  CHECK(groups_through([](Graph& g, int x) { return g.add(make_softmax("m", x)); }) == 0);
  CHECK(groups_through([](Graph& g, int x) {
          return g.add(make_transpose("t", x, {0, 2, 1, 3}));
        }) == 0);
  // Behind an affine group norm both scales are one group; without gamma what a dead channel
  // becomes depends on the image.
  CHECK(groups_through(
            [](Graph& g, int x) { return g.add(make_group_norm("g", x, 8, 2, true)); }) == 1);
  CHECK(groups_through(
            [](Graph& g, int x) { return g.add(make_group_norm("g", x, 8, 2, false)); }) == 0);
  // A dead channel's own mean is as constant as it is; a gate that varies is not.
  CHECK(groups_through([](Graph& g, int x) {
          const int mean = g.add(make_reduce_mean("m", x, {2, 3}));
          return g.add(make_arithmetic("gated", Arithmetic::mul, x, mean));
        }) == 1);
  CHECK(groups_through([](Graph& g, int x) {
          const int mean = g.add(make_reduce_mean("m", x, {2, 3}));
          const int gate = g.add(make_conv("gate", mean, {.in = 8, .out = 8, .kernel = 1}));
          return g.add(make_arithmetic("gated", Arithmetic::mul, x, gate));
        }) == 0);
}
