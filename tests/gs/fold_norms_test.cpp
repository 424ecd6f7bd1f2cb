// Batch norms folded into what is in front of them: the same function, to rounding, with the same
// quantised values.
#include "gs/passes/fold_norms.h"

#include "gs/passes/extract.h"
#include "gs/passes/insert_scales.h"
#include "gs/passes/quantize.h"
#include "tests/catch.h"
#include "tests/gs/graphs.h"

using namespace gsx;
using namespace gsx::test;

namespace {

const Shape kImage{1, 3, 14, 18};

int count(const Graph& graph, std::string_view kind) {
  int found = 0;
  for (int i = 0; i < graph.size(); ++i) found += graph.node(i).kind() == kind;
  return found;
}

// What convolutions of many shapes, linear layers apart, and batch norms make of an image: behind
// some a sum or a second reader, where nothing can be folded. Returns how many can be.
class RandomNet {
 public:
  explicit RandomNet(uint64_t seed) : rng_(seed) { graph_.add(make_input("input", 3)); }

  Graph grow(int layers, bool per_channel) {
    for (int i = 0; i < layers; ++i) add(per_channel);
    graph_.add(make_conv(fresh("out"), last(), {.in = wide_, .out = 3, .kernel = 1}));
    return std::move(graph_);
  }
  int foldable() const { return foldable_; }

 private:
  int pick(int n) { return static_cast<int>(rng_.below(n)); }
  int last() const { return graph_.size() - 1; }
  std::string fresh(const std::string& what) { return what + std::to_string(graph_.size()); }

  void add(bool per_channel) {
    const int from = last(), out = 2 + pick(5);
    ConvSpec spec;
    spec.in = wide_;
    spec.out = out;
    spec.kernel = 1 + 2 * pick(2);
    spec.options.pad = Padding::all(spec.kernel.y / 2);
    spec.options.pad_mode = pick(2) ? PadMode::zero : PadMode::reflect;
    spec.bias = pick(2) == 0;
    spec.spectral_norm = pick(4) == 0;
    const bool grouped = pick(5) == 0;
    if (grouped) {  // depthwise
      spec.out = wide_;
      spec.options.groups = wide_;
    }
    const bool transposed = !grouped && pick(4) == 0;
    if (transposed) spec.options.pad_mode = PadMode::zero;
    int x = graph_.add(transposed ? make_conv_transpose(fresh("up"), from, spec)
                                  : make_conv(fresh("conv"), from, spec));
    const int made = x;
    x = graph_.add(make_batch_norm(fresh("bn"), x, spec.out, pick(4) != 0));
    const bool read_twice = pick(5) == 0;
    if (read_twice) x = graph_.add(make_add(fresh("sum"), x, made));
    else foldable_ += per_channel;
    if (pick(2)) x = graph_.add(make_activation(fresh("act"), x, Activation::relu));
    if (pick(4) == 0) graph_.add(make_batch_norm(fresh("second"), x, spec.out));
    wide_ = spec.out;
  }

  Graph graph_{"random"};
  Rng rng_;
  int wide_ = 3, foldable_ = 0;
};

}  // namespace

TEST_CASE("fold norms: random graphs compute the same without their batch norms") {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    INFO("seed " << seed);
    RandomNet random(seed);
    Graph graph = random.grow(5, true);
    randomize(graph, seed);
    const Tensor x = random_images(kImage, seed), want = graph.run(x);
    Graph folded = graph;
    CHECK(fold_norms(folded) >= random.foldable());
    CHECK(count(folded, "batch_norm") <= count(graph, "batch_norm") - random.foldable());
    CHECK(max_difference(folded.run(x), want) <= 1e-5 * std::max(1.0, max_abs(want)));
    CHECK(fold_norms(folded) == 0);
    CHECK(file_bytes(folded) <= file_bytes(graph));
    CHECK(graph_to_json(graph_from_json(Json::parse(graph_to_json(folded).dump()))) ==
          graph_to_json(folded));
  }
}

TEST_CASE("fold norms: quantised values stay, and a network of one step for all keeps its norms") {
  int moved = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    INFO("seed " << seed);
    const bool per_channel = seed % 3 != 0;
    RandomNet random(seed);
    Graph graph = random.grow(4, per_channel);
    randomize(graph, seed);
    quantize_graph(graph, kImage, {.per_channel = per_channel});
    freeze_weight_scales(graph);
    const Tensor x = random_images(kImage, seed), want = graph.evaluate(x);
    Graph folded = graph;
    const int gone = fold_norms(folded);
    CHECK(gone >= random.foldable());
    if (!per_channel) CHECK(gone == 0);
    // A value that lands on the other side of a half moves by a step of its quantiser, seldom.
    const double difference =
        max_difference(folded.evaluate(x), want) / std::max(1.0, max_abs(want));
    CHECK(difference <= 0.1);
    moved += difference > 1e-4;
    for (int i = 0; i < graph.size(); ++i) {
      if (!graph.node(i).weight_quant()) continue;
      const auto values = [](const Node& node) {
        std::vector<int> codes;
        const std::vector<float> w = node.parameter(Role::weight)->value.to_vector(),
                                 s = node.parameter(Role::weight_scale)->value.to_vector();
        for (size_t k = 0; k < w.size(); ++k) {
          const float step = s[s.size() == 1 ? 0 : k / (w.size() / s.size())];
          codes.push_back(step == 0 ? 0 : std::abs(static_cast<int>(std::nearbyint(w[k] / step))));
        }
        return codes;
      };
      // A spectral norm divides before that is rounded.
      Graph before = graph, after = folded;
      Node& same = after.node(after.find(graph.node(i).name));
      before.node(i).fold_scale();
      same.fold_scale();
      CHECK(values(before.node(i)) == values(same));
    }
  }
  CHECK(moved <= 12);
}

TEST_CASE("fold norms: what was pruned and extracted computes the same, and keeps its channels") {
  for (const char* name : {"sngan", "pix2pix", "branches"}) {
    for (const bool quantized : {false, true}) {
      INFO(name << (quantized ? ", 8 bits" : ""));
      const Case& c = case_named(name);
      Graph graph = c.make();
      if (quantized) quantize_graph(graph, c.input);
      insert_scales(graph);
      kill_some(graph, prune_groups(graph), 0.4, 3);
      Graph small = extract(graph);
      freeze_weight_scales(small);
      const Tensor x = random_images(c.input, 5);
      const Tensor want = small.evaluate(x);
      const int norms = count(small, "batch_norm");
      Graph folded = small;
      const int gone = fold_norms(folded);
      CHECK(gone > 0);
      CHECK(count(folded, "batch_norm") == norms - gone);
      CHECK(max_difference(folded.evaluate(x), want) <=
            (quantized ? 0.05 : 1e-5) * std::max(1.0, max_abs(want)));
      CHECK(folded.cost(c.input).macs.true_macs == small.cost(c.input).macs.true_macs);
      CHECK(folded.cost(c.input).weight_bytes == small.cost(c.input).weight_bytes);
    }
  }
}

TEST_CASE("fold norms: what others see stays") {
  Graph graph("seen");
  graph.add(make_input("input", 3));
  const int conv = graph.add(make_conv("conv", 0, {.in = 3, .out = 4, .kernel = 1}));
  const int norm = graph.add(make_batch_norm("norm", conv, 4));
  graph.add(make_activation("relu", norm, Activation::relu));
  randomize(graph, 2);
  Graph seen = graph;
  seen.feature_layers = {"norm"};
  CHECK(fold_norms(seen) == 0);
  seen.feature_layers = {"conv"};
  CHECK(fold_norms(seen) == 0);
  seen = graph;
  seen.set_outputs({{"conv", conv}, {"relu", 3}});
  CHECK(fold_norms(seen) == 0);
  Graph last = graph;
  last.set_outputs({{"norm", norm}});
  CHECK(fold_norms(last) == 0);
  CHECK(fold_norms(graph) == 1);
}
