// Extraction removes channels without changing the function: masked and extracted networks agree,
// in full precision up to rounding, in the integer program bit for bit.
#include "gs/passes/extract.h"

#include "tests/catch.h"
#include "tests/gs/graphs.h"

using namespace gsx;
using namespace gsx::test;

namespace {

// Masks worth trying: which groups die whole, and what share of the other channels.
struct Mask {
  std::string name;
  double share = 0;
  std::vector<int> whole = {};  // indices of groups; -1: all
};

void apply(Graph& graph, const Mask& mask) {
  const std::vector<PruneGroup> groups = prune_groups(graph);
  kill_some(graph, groups, mask.share, 3);
  for (const int g : mask.whole)
    for (int i = 0; i < static_cast<int>(groups.size()); ++i)
      if (g == -1 || g == i) kill_all(graph, groups[i]);
}

std::vector<Mask> masks_for(const Graph& graph) {
  std::vector<Mask> masks = {{"none"}, {"half", 0.5}, {"most", 0.9}, {"all", 0, {-1}}};
  for (int g = 0; g < static_cast<int>(prune_groups(graph).size()); ++g)
    masks.push_back({"group " + std::to_string(g), 0.3, {g}});
  masks.push_back({"middle", 0.3, {2, 3, 4}});
  return masks;
}

// Rounding that an instance norm of a constant channel may amplify.
double tolerance(const Graph& graph) { return graph.architecture() == "cartoongan" ? 2e-2 : 1e-3; }

}  // namespace

TEST_CASE("extracted networks compute what the masked ones do") {
  for (const Case& c : cases()) {
    for (const Mask& mask : masks_for(c.make())) {
      INFO(c.name << ", mask " << mask.name);
      Graph masked = c.make();
      apply(masked, mask);
      const Graph small = extract(masked);
      const Tensor x = random_images(c.input, 5, masked.input_format);
      const Tensor want = masked.run(x);
      CHECK(max_difference(small.run(x), want) <= tolerance(masked) * max_abs(want));
    }
  }
}

TEST_CASE("extracted quantised networks compute the same bits") {
  const WeightQuant grids[] = {{},
                               {.grid = QuantGrid::official, .per_channel = false},
                               {.grid = QuantGrid::paper, .per_channel = true},
                               {.bits = 4},
                               {.per_channel = false, .bits = 4}};
  int turn = 0;
  for (const Case& c : cases()) {
    for (const Mask& mask : masks_for(c.make())) {
      INFO(c.name << ", mask " << mask.name);
      Graph masked = c.make();
      quantize_graph(masked, c.input, grids[turn++ % 5]);
      apply(masked, mask);
      freeze_weight_scales(masked);
      const Graph small = extract(masked);
      const Tensor x = random_images(c.input, 5, masked.input_format);
      CHECK(max_difference(small.evaluate(x), masked.evaluate(x)) == 0);
    }
  }
}

namespace {

std::vector<std::string> names_of(const Graph& graph) {
  std::vector<std::string> names;
  for (int i = 0; i < graph.size(); ++i) names.push_back(graph.node(i).name);
  return names;
}

int layer_width(const Graph& graph, const std::string& name) {
  const int i = graph.find(name);
  REQUIRE(i >= 0);
  return static_cast<int>(graph.infer_shapes(graph.example_input())[i][1]);
}

Graph paper_cyclegan() {
  Graph graph = cyclegan();
  Rng rng(1);
  graph.initialize(context(), rng, {.kind = Init::Kind::kaiming_uniform});
  return graph;
}

}  // namespace

TEST_CASE("a residual block with nothing left becomes the identity, not twice its input") {
  Graph masked = case_named("cyclegan").make();
  const std::vector<PruneGroup> groups = prune_groups(masked);
  kill_all(masked, groups[2]);
  const Graph small = extract(masked);
  for (const std::string& name : names_of(small)) CHECK(name.rfind("model.10", 0) != 0);
  CHECK(small.find("model.11") >= 0);
}

TEST_CASE("a residual block with nothing left but its last shift becomes that shift") {
  Graph masked = case_named("cartoongan").make();
  const std::vector<PruneGroup> groups = prune_groups(masked);
  kill_all(masked, groups[3]);  // in04_1
  const Graph small = extract(masked);
  CHECK(small.find("conv04_1") < 0);
  CHECK(small.find("conv04_2") < 0);
  CHECK(small.find("add04_1") < 0);
  CHECK(small.find("add04_1.shift") >= 0);
}

TEST_CASE("behind zero padding a residual block with nothing left keeps what its borders add") {
  Graph masked = case_named("zero_padded").make();
  const std::vector<PruneGroup> groups = prune_groups(masked);
  kill_all(masked, groups[1]);  // r1.n1
  const Graph small = extract(masked);
  CHECK(small.find("r1.c1") < 0);
  REQUIRE(small.find("r1.c2") >= 0);
  const Node& constant = small.node(small.find("r1.c2"));
  CHECK(constant.parameter(Role::weight) == nullptr);
  CHECK(constant.parameter(Role::tap_bias) != nullptr);
}

TEST_CASE("a dead channel in front of a padded filter of one tap adds nothing in the ring") {
  for (const bool transposed : {false, true}) {
    for (const bool quantized : {false, true}) {
      INFO((transposed ? "transposed, " : "") << (quantized ? "quantised" : "full precision"));
      Graph masked("ring");
      masked.add(make_input("input", 3));
      masked.add(make_conv("conv", 0, {.in = 3, .out = 4}));
      masked.add(make_instance_norm("norm", 1, 4, true));
      const ConvSpec ring = {.in = 4, .out = 3, .kernel = 1, .options = {1, Padding::all(1)}};
      const ConvSpec apart = {.in = 4, .out = 3, .kernel = 1, .options = {.stride = 2}};
      masked.add(transposed ? make_conv_transpose("one", 2, apart) : make_conv("one", 2, ring));
      randomize(masked, 3);
      const Shape size{1, 3, 7, 6};
      if (quantized) quantize_graph(masked, size);
      kill_some(masked, prune_groups(masked), 0.5, 3);
      const Graph small = extract(masked);
      REQUIRE(layer_width(small, "conv") < 4);
      const Tensor x = random_images(size, 5);
      CHECK(max_difference(small.evaluate(x), masked.evaluate(x)) <= (quantized ? 0 : 1e-5));
    }
  }
}

TEST_CASE("extraction counts what is left and remembers what there was") {
  Graph masked = case_named("fast_style").make();
  const std::vector<PruneGroup> groups = prune_groups(masked);
  for (int i = 0; i < 3; ++i) kill(masked, groups[2], i);  // the stream
  kill(masked, groups[0], 0);
  const Graph small = extract(masked);
  CHECK(layer_width(small, "conv1") == 4);
  CHECK(layer_width(small, "res1.conv2") == 17);
  CHECK(small.original_channels.at("conv1") == 5);
  CHECK(small.original_channels.at("res1.conv2") == 20);
  CHECK(small.original_channels.count("conv2") == 0);
  CHECK(count_kept(small, prune_groups(small)).total == count_kept(masked, groups).kept);
}

TEST_CASE("extraction drops the biases that instance norms cancel, and no others") {
  const Graph small = extract(case_named("branches").make());
  const auto has_bias = [&](const std::string& name) {
    return small.node(small.find(name)).parameter(Role::bias) != nullptr;
  };
  CHECK(has_bias("c1"));  // before a batch norm
  for (const std::string name : {"c2", "c3", "c4", "c5"}) CHECK_FALSE(has_bias(name));
  CHECK(has_bias("out"));
}

TEST_CASE("extracting twice, or after training on, keeps weight scales and original counts") {
  const Case& c = case_named("cyclegan");
  Graph masked = c.make();
  quantize_graph(masked, c.input);
  const std::vector<PruneGroup> groups = prune_groups(masked);
  kill_some(masked, groups, 0.4, 1);
  Graph once = extract(masked);
  kill_some(once, prune_groups(once), 0.4, 2);
  const Graph twice = extract(once);
  const Tensor x = random_images(c.input, 5);
  CHECK(max_difference(twice.evaluate(x), once.evaluate(x)) == 0);
  CHECK(twice.original_channels == once.original_channels);
}

TEST_CASE("the floors of the paper's cyclegan are the paper's") {
  const double giga = 1 << 30, mega = 1 << 20;
  const Shape image{1, 3, 256, 256};
  Graph one_each = paper_cyclegan();
  for (const PruneGroup& group : prune_groups(one_each))
    for (int i = 1; i < group.channels(); ++i) kill(one_each, group, i);
  const Cost floor = extract(one_each).cost(image);
  CHECK(floor.macs.paper_macs / giga == Approx(0.22).margin(0.005));
  Graph no_mids = paper_cyclegan();
  const std::vector<PruneGroup> groups = prune_groups(no_mids);
  for (int g = 2; g < 11; ++g) kill_all(no_mids, groups[g]);
  const Cost ends = extract(no_mids).cost(image);
  CHECK(ends.macs.paper_macs / giga == Approx(12.40).margin(0.005));
  CHECK(static_cast<double>(ends.weight_bytes) / mega == Approx(2.88).margin(0.005));
  CHECK(static_cast<double>(floor.weight_bytes) / mega == Approx(0.18).margin(0.005));
}

TEST_CASE("with shifts that relu hides, masked and extracted networks differ by 4e-6 at most") {
  const Case& c = case_named("cyclegan");
  Graph masked = c.make();
  Rng rng(4);
  for (Parameter* p : masked.parameters()) {
    if (p->role == Role::gamma) rng.fill_normal(p->value, 1, 0.02f);
    if (p->role == Role::beta) rng.fill_uniform(p->value, -0.3f, 0);
  }
  kill_some(masked, prune_groups(masked), 0.5, 9);
  const Graph small = extract(masked);
  const Tensor x = random_images(c.input, 5);
  CHECK(max_difference(small.run(x), masked.run(x)) <= 4e-6);
}
