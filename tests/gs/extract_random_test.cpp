// Extraction on random graphs with random single scales at zero: whatever the pass makes of them,
// the function must stay.
#include "gs/passes/extract.h"
#include "gs/passes/insert_scales.h"
#include "tests/catch.h"
#include "tests/gs/graphs.h"

using namespace gsx;
using namespace gsx::test;

namespace {

const Shape kImage{1, 3, 17, 22};

// Grows a graph layer by layer out of values that all have known shapes.
class RandomGraph {
 public:
  // general: with grouped and depthwise convolutions and unequal axes among the layers.
  explicit RandomGraph(uint64_t seed, int inputs = 1, bool general = false)
      : rng_(seed), inputs_(inputs), general_(general) {
    for (int i = 0; i < inputs; ++i) graph_.add(make_input(fresh("input"), 3));
  }

  Graph grow(int layers) {
    for (int i = 0; i < inputs_; ++i) add_block(i, 4 + pick(5));
    for (int i = 0; i < layers; ++i) {
      const int from = inputs_ + pick(graph_.size() - inputs_);
      switch (pick(general_ ? 9 : 6)) {
        case 6: add_depthwise(graph_.output()); break;
        case 7: add_grouped(graph_.output()); break;
        case 8: add_general(graph_.output()); break;
        case 0: add_block(graph_.output(), 3 + pick(6)); break;
        case 1: add_block(from, 3 + pick(6)); break;
        case 2: add_residual(graph_.output()); break;
        case 3: join(graph_.output(), from); break;
        case 4: resample(graph_.output()); break;
        default: graph_.add(make_activation(fresh("act"), graph_.output(), activation()));
      }
    }
    const int last = graph_.output();
    const int out = graph_.add(make_conv(fresh("out"), last, conv(channels(last), 3, 1)));
    if (inputs_ > 1) {
      const int inner = inputs_ + pick(out - inputs_);
      graph_.set_outputs({{"inner", inner}, {"out", out}});
    }
    graph_.remove_unreachable();
    return std::move(graph_);
  }

 private:
  int pick(int n) { return static_cast<int>(rng_.below(n)); }
  std::string fresh(const std::string& what) { return what + std::to_string(graph_.size()); }
  Shape shape(int node) const {
    return graph_.infer_shapes(std::vector<Shape>(static_cast<size_t>(inputs_), kImage))[node];
  }
  int channels(int node) const { return static_cast<int>(shape(node)[1]); }
  Activation activation() {
    constexpr Activation kAll[] = {Activation::relu, Activation::leaky_relu, Activation::tanh,
                                   Activation::sigmoid};
    return kAll[pick(4)];
  }
  ConvSpec conv(int in, int out, int stride) {
    const PadMode mode = pick(2) ? PadMode::reflect : PadMode::zero;
    const bool normed = pick(6) == 0;
    if (pick(4) == 0)
      return {.in = in,
              .out = out,
              .kernel = 1,
              .options = {.stride = stride},
              .spectral_norm = normed};
    return {.in = in,
            .out = out,
            .kernel = 3,
            .options = {stride, Padding::all(1), mode},
            .spectral_norm = normed};
  }

  PadMode any_mode() {
    constexpr PadMode kAll[] = {PadMode::zero, PadMode::reflect, PadMode::replicate};
    return kAll[pick(3)];
  }
  void add_depthwise(int from) {
    const int wide = channels(from);
    const ConvOptions options{
        .pad = Padding::all(1), .pad_mode = any_mode(), .dilation = 1, .groups = wide};
    finish(
        graph_.add(make_conv(fresh("depthwise"), from,
                             {.in = wide, .out = wide, .options = options, .bias = pick(2) == 0})),
        wide);
  }
  // A block whose channels two or three groups divide, and a grouped convolution of it.
  void add_grouped(int from) {
    const int groups = 2 + pick(2), wide = groups * (1 + pick(3)), out = groups * (1 + pick(3));
    const int x = add_block(from, wide);
    const ConvOptions options{.pad = Padding::all(1), .pad_mode = any_mode(), .groups = groups};
    finish(graph_.add(make_conv(fresh("grouped"), x, {.in = wide, .out = out, .options = options})),
           out);
  }
  void add_general(int from) {
    const Shape s = shape(from);
    const int wide = channels(from);
    if (pick(2) && s[2] < 12) {
      const ConvOptions options{.stride = {1 + pick(2), 2},
                                .pad = {1, pick(2), 2, pick(2)},
                                .dilation = {2, 1 + pick(2)}};
      finish(graph_.add(make_conv_transpose(
                 fresh("spread"), from,
                 {.in = wide, .out = 4, .kernel = {2 + pick(2), 3}, .options = options})),
             4);
    } else if (s[2] > 5) {
      const ConvOptions options{.stride = {1, 1 + pick(2)},
                                .pad = {2, 2, pick(3), 1},
                                .pad_mode = any_mode(),
                                .dilation = {2, 1}};
      finish(graph_.add(make_conv(fresh("gather"), from,
                                  {.in = wide, .out = 5, .kernel = {3, 2}, .options = options})),
             5);
    }
  }
  // Mostly a norm, mostly an activation.
  int finish(int x, int out) {
    if (pick(5) != 0) x = graph_.add(make_instance_norm(fresh("norm"), x, out, pick(5) != 0));
    if (pick(4) != 0) x = graph_.add(make_activation(fresh("act"), x, activation()));
    return x;
  }

  // conv, mostly a norm, mostly an activation.
  int add_block(int from, int out) {
    int x = graph_.add(make_conv(fresh("conv"), from, conv(channels(from), out, 1)));
    if (pick(6) == 0) x = graph_.add(make_batch_norm(fresh("batch"), x, out));
    else if (pick(6) != 0) x = graph_.add(make_instance_norm(fresh("norm"), x, out, pick(5) != 0));
    if (pick(4) != 0) x = graph_.add(make_activation(fresh("act"), x, activation()));
    return x;
  }
  void add_residual(int from) {
    const int inner = add_block(from, 3 + pick(5));
    int x = graph_.add(make_conv(fresh("conv"), inner, conv(channels(inner), channels(from), 1)));
    if (pick(4) != 0)
      x = graph_.add(make_instance_norm(fresh("norm"), x, channels(from), pick(4) != 0));
    graph_.add(make_add(fresh("sum"), from, x));
  }
  void join(int a, int b) {
    const Shape sa = shape(a), sb = shape(b);
    if (sa == sb && a != b && pick(2)) graph_.add(make_add(fresh("sum"), a, b));
    else if (sa[2] == sb[2] && sa[3] == sb[3]) graph_.add(make_concat(fresh("concat"), {a, b}));
  }
  // One tap with its own padding on every side, which it may miss.
  ConvSpec one_tap(int in, bool transposed) {
    const int least = transposed ? -2 : 0;  // below zero: more rows, as output_padding makes them
    const Padding pad = {pick(3), pick(3) + least, pick(3), pick(3) + least};
    return {.in = in, .out = 4, .kernel = 1, .options = {1 + pick(2), pad}};
  }
  void resample(int from) {
    const Shape s = shape(from);
    const int wide = channels(from);
    switch (pick(7)) {
      case 5:
        if (s[2] > 5) graph_.add(make_conv(fresh("tap"), from, one_tap(wide, false)));
        break;
      case 6:
        if (s[2] > 5 && s[2] < 12)
          graph_.add(make_conv_transpose(fresh("spread"), from, one_tap(wide, true)));
        break;
      case 0:
        if (s[2] < 12) graph_.add(make_upsample(fresh("up"), from, 2));
        break;
      case 1:
        if (s[2] > 5) graph_.add(make_max_pool(fresh("max"), from, {.size = 2, .stride = 2}));
        break;
      case 2:
        if (s[2] < 12)
          graph_.add(make_conv_transpose(
              fresh("deconv"), from,
              {.in = wide, .out = 4, .options = {.stride = 2, .pad = {1, 0, 1, 0}}}));
        break;
      case 3:
        if (s[2] > 5) graph_.add(make_conv(fresh("down"), from, conv(wide, 5, 2)));
        break;
      default:
        graph_.add(make_pad(fresh("pad"), from, Padding::all(1),
                            pick(2) ? PadMode::reflect : PadMode::zero));
    }
  }

  Graph graph_{"random"};
  Rng rng_;
  int inputs_;
  bool general_;
};

// Whole groups, single channels of groups, and single scales wherever they are.
void mask(Graph& graph, Rng& rng) {
  for (const PruneGroup& group : prune_groups(graph)) {
    if (rng.coin(0.2)) kill_all(graph, group);
    for (int i = 0; i < group.channels(); ++i)
      if (rng.coin(0.3)) kill(graph, group, i);
  }
  for (Parameter* p : graph.parameters()) {
    if (p->role != Role::gamma) continue;
    const double share = rng.coin(0.1) ? 1 : 0.15;
    for (int c = 0; c < p->value.numel(); ++c)
      if (rng.coin(share)) p->value.mutable_data<float>()[c] = 0;
  }
}

// The same, in 8 bits: not a bit differs.
void check_quantized(Graph& graph, uint64_t seed) {
  quantize_graph(graph, kImage);
  freeze_weight_scales(graph);
  const Tensor x = random_images(kImage, seed);
  CHECK(max_difference(extract(graph).evaluate(x), graph.evaluate(x)) == 0);
}

}  // namespace

TEST_CASE("extraction keeps the function of random graphs with random scales at zero") {
  for (uint64_t seed = 1; seed <= 80; ++seed) {
    INFO("seed " << seed);
    Graph graph = RandomGraph(seed).grow(9);
    randomize(graph, seed);
    Rng rng(seed, 1);
    mask(graph, rng);
    checked_extraction(graph, kImage, seed);

    check_quantized(graph, seed);
  }
}

TEST_CASE("extraction keeps every output of random graphs with several inputs") {
  int smaller = 0;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    INFO("seed " << seed);
    Graph graph = RandomGraph(seed, 2).grow(9);
    randomize(graph, seed);
    Rng rng(seed, 1);
    mask(graph, rng);
    const std::vector<Tensor> xs = {random_images(kImage, seed), random_images(kImage, seed + 1)};
    const Graph small = extract(graph);
    const std::vector<Tensor> want = graph.run(xs), got = small.run(xs);
    REQUIRE(got.size() == 2);
    for (size_t i = 0; i < want.size(); ++i)
      CHECK(max_difference(got[i], want[i]) <= 2e-3 * std::max(1.0, max_abs(want[i])));
    const std::vector<Shape> both = {kImage, kImage};
    smaller += small.cost(both).params < graph.cost(both).params;
  }
  CHECK(smaller > 20);
}

TEST_CASE("extraction keeps the function of random graphs with grouped and depthwise layers") {
  int smaller = 0;
  for (uint64_t seed = 1; seed <= 80; ++seed) {
    INFO("seed " << seed);
    Graph graph = RandomGraph(seed, 1, true).grow(9);
    randomize(graph, seed);
    Rng rng(seed, 1);
    mask(graph, rng);
    const Graph small = checked_extraction(graph, kImage, seed);
    smaller += small.cost(kImage).params < graph.cost(kImage).params;

    check_quantized(graph, seed);
  }
  CHECK(smaller > 60);
}

TEST_CASE("extraction folds the inserted scales of random graphs, exactly in 8 bits") {
  int smaller = 0, with_scales = 0;
  for (uint64_t seed = 301; seed <= 400; ++seed) {
    INFO("seed " << seed);
    Graph graph = RandomGraph(seed, 1, seed % 2).grow(9);
    const int inserted = insert_scales(graph);
    randomize(graph, seed);
    Rng rng(seed, 1);
    mask(graph, rng);
    const Graph small = checked_extraction(graph, kImage, seed);
    for (int i = 0; i < small.size(); ++i)
      CHECK_FALSE((small.node(i).has_weight() && small.node(i).parameter(Role::gamma)));
    with_scales += inserted > 0;
    smaller += inserted > 0 && small.cost(kImage).params < graph.cost(kImage).params;

    check_quantized(graph, seed);
  }
  CHECK(with_scales > 60);
  CHECK(smaller > 50);
}
