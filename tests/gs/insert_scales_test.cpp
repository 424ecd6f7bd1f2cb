// Scales where a network has none: where they are inserted, that they change nothing until they
// train, and that files hold what they make of the weights.
#include "gs/passes/insert_scales.h"

#include <set>

#include "gs/passes/budget.h"
#include "gs/passes/extract.h"
#include "tests/catch.h"
#include "tests/gs/graphs.h"
#include "tests/temp_dir.h"

using namespace gsx;
using namespace gsx::test;

namespace {

using Names = std::set<std::string>;

// The nodes that are given scales.
Names inserted(Graph graph) {
  const int count = insert_scales(graph);
  Names names;
  const Graph& now = graph;
  for (int i = 0; i < now.size(); ++i)
    if (now.node(i).scale_is_inserted()) names.insert(now.node(i).name);
  CHECK(static_cast<int>(names.size()) == count);
  CHECK(insert_scales(graph) == 0);
  return names;
}

// "name:channels" of every norm of every group, groups separated by spaces, norms by '+'.
std::string groups_of(const Graph& graph, PruneBy by) {
  std::string text;
  for (const PruneGroup& group : prune_groups(graph, by)) {
    text += text.empty() ? "" : " ";
    for (size_t k = 0; k < group.norms.size(); ++k)
      text += (k ? "+" : "") + graph.node(group.norms[k].node).name;
    text += ":" + std::to_string(group.channels());
  }
  return text;
}

struct Hand {
  Graph graph{"hand_made"};
  int x = graph.add(make_input("input", 3)), wide = 3;

  int conv(const std::string& name, int out, int from = -1, int in = 0) {
    x = graph.add(make_conv(name, from < 0 ? x : from,
                            {.in = in ? in : wide,
                             .out = out,
                             .options = {.pad = Padding::all(1), .pad_mode = PadMode::zero}}));
    wide = out;
    return x;
  }
  int leaky(const std::string& name) {
    return x = graph.add(make_activation(name, x, Activation::leaky_relu));
  }
  Graph take() {
    randomize(graph, 3);
    return std::move(graph);
  }
};

// A residual dense block without any norm and an upsampling by pixel shuffle, as ESRGAN's.
Graph esrgan() {
  Hand h;
  const int trunk = h.conv("first", 8);
  h.conv("dense1", 4);
  const int grown = h.leaky("act1");
  h.x = h.graph.add(make_concat("concat", {trunk, grown}));
  h.wide = 12;
  h.conv("dense2", 8);
  h.x = h.graph.add(make_affine("fifth", h.x, {0.2f}, {0}));
  const int block = h.graph.add(make_add("sum", trunk, h.x));
  h.conv("body", 8, block);
  h.x = h.graph.add(make_add("long_skip", trunk, h.x));
  h.conv("up", 20);
  h.x = h.graph.add(make_pixel_shuffle("shuffle", h.x, 2));
  h.wide = 5;
  h.leaky("act2");
  h.conv("out", 3);
  return h.take();
}

}  // namespace

TEST_CASE("insert_scales: networks whose norms have scales are given them elsewhere only") {
  CHECK(inserted(cyclegan({.width = 4, .blocks = 2})).empty());
  CHECK(inserted(fast_style({.width = 4, .blocks = 2})).empty());
  CHECK(inserted(cartoongan({.width = 4, .blocks = 2})) ==
        Names{"conv02_1", "conv03_1", "deconv01_1", "deconv02_1"});
  Graph graph = cartoongan({.width = 4, .blocks = 2});
  const std::string before = groups_of(graph, PruneBy::both);
  CHECK(insert_scales(graph, PruneBy::norm) == 0);
  insert_scales(graph);
  CHECK(groups_of(graph, PruneBy::norm) == before);
  CHECK(groups_of(graph, PruneBy::inserted) == "conv02_1:8 conv03_1:16 deconv01_1:8 deconv02_1:4");
  CHECK(prune_groups(graph).size() == 11);
}

TEST_CASE("insert_scales: norms without an affine become affine where no norm has one") {
  Graph graph = cyclegan({.width = 4, .blocks = 1, .affine = false});
  CHECK(groups_of(graph, PruneBy::both).empty());
  CHECK(inserted(graph) == Names{"model.2", "model.5", "model.8", "model.10.conv_block.2",
                                 "model.10.conv_block.6", "model.12", "model.15"});
  insert_scales(graph);
  CHECK(groups_of(graph, PruneBy::inserted) ==
        "model.2:4 model.5:8 model.8+model.10.conv_block.6:16 model.10.conv_block.2:16 "
        "model.12:8 model.15:4");
  CHECK(groups_of(graph, PruneBy::norm).empty());
}

TEST_CASE("insert_scales: residual sums, concatenations and pixel shuffles tie them") {
  Graph graph = esrgan();
  CHECK(inserted(graph) == Names{"first", "dense1", "dense2", "body", "up"});
  insert_scales(graph);
  CHECK(groups_of(graph, PruneBy::both) == "first+dense2+body:8 dense1:4 up+up+up+up:5");
}

TEST_CASE("insert_scales: a group norm needs one in front and one behind") {
  for (const bool affine : {false, true}) {
    Hand h;
    h.conv("c", 8);
    h.x = h.graph.add(make_group_norm("g", h.x, 8, 2, affine));
    h.conv("out", 3);
    Graph graph = h.take();
    CHECK(inserted(graph) == (affine ? Names{"c"} : Names{"c", "g"}));
    insert_scales(graph);
    CHECK(groups_of(graph, PruneBy::both) == "c+g:8");
  }
}

TEST_CASE("insert_scales: what an output, a tap or a mask over all channels needs gets none") {
  Hand h;
  const int first = h.conv("first", 6);
  h.conv("seen", 6);
  const int mean = h.graph.add(make_reduce_mean("mean", h.x, {1}));
  h.x = h.graph.add(make_arithmetic("masked", Arithmetic::mul, mean, h.x));
  h.conv("out", 3);
  h.graph.set_outputs({{"out", h.x}, {"first", first}});
  CHECK(inserted(h.take()).empty());
}

TEST_CASE("insert_scales: no bit of what the network computes changes") {
  std::vector<Case> all = cases();
  all.push_back({"esrgan", esrgan, {2, 3, 9, 11}});
  all.push_back({"official",
                 [] { return cyclegan({.width = 4, .blocks = 1, .affine = false}); },
                 {1, 3, 20, 16}});
  for (const Case& c : all) {
    INFO(c.name);
    Graph graph = c.make();
    if (!graph.context()) randomize(graph, 5);
    Graph scaled = graph;
    insert_scales(scaled);
    const Tensor x = random_images(c.input, 4, graph.input_format);
    CHECK(max_difference(scaled.run(x), graph.run(x)) == 0);
    quantize_graph(graph, c.input);
    scaled = graph;
    insert_scales(scaled);
    CHECK(max_difference(scaled.evaluate(x), graph.evaluate(x)) == 0);
    // Nor does it of what is extracted, but for the numbers that norms were given.
    CHECK(max_difference(extract(scaled).evaluate(x), extract(graph).evaluate(x)) == 0);
  }
}

TEST_CASE("inserted scales: files hold what they make of the weights") {
  const TempDir dir;
  for (const bool quantized : {false, true}) {
    INFO("quantized " << quantized);
    Graph graph = esrgan();
    insert_scales(graph);
    randomize(graph, 9);
    if (quantized) quantize_graph(graph, {1, 3, 9, 11});
    kill_some(graph, prune_groups(graph), 0.3, 1);
    save_model(graph, dir / "model.safetensors");
    CHECK(file_bytes(graph) ==
          static_cast<int64_t>(std::filesystem::file_size(dir / "model.safetensors")));
    const Graph read = load_model(context(), dir / "model.safetensors");
    for (const Parameter* p : read.parameters()) CHECK(p->role != Role::gamma);
    const Tensor x = random_images({2, 3, 9, 11}, 2);
    CHECK(max_difference(read.evaluate(x), graph.evaluate(x)) == 0);
    // A description, as checkpoints hold it, keeps them.
    const Graph described = graph_from_json(Json::parse(graph_to_json(graph).dump()));
    CHECK(described.parameters().size() == graph.parameters().size());
    graph.prepack();
    CHECK(max_difference(graph.evaluate(x), read.evaluate(x)) == 0);
  }
  Graph norms = cyclegan({.width = 4, .blocks = 1, .affine = false});
  insert_scales(norms);
  const Graph read = graph_from_json(Json::parse(graph_to_json(norms).dump()));
  CHECK(groups_of(read, PruneBy::inserted) == groups_of(norms, PruneBy::inserted));
}

TEST_CASE("inserted scales: calibration makes up for what they multiply") {
  Graph graph = cartoongan({.width = 6, .blocks = 1});
  insert_scales(graph);
  randomize(graph, 4);
  const Graph plain = graph;
  quantize_graph(graph, {2, 3, 20, 24});
  for (int i = 0; i < graph.size(); ++i) graph.node(i).set_weight_quant(std::nullopt);
  const Tensor x = random_images({2, 3, 20, 24}, 11);
  CHECK(max_difference(graph.run(x), plain.run(x)) < 0.2 * max_abs(plain.run(x)));
}

TEST_CASE("inserted scales: a budget that norms' own cannot reach is met") {
  const Graph teacher = cartoongan({.width = 8, .blocks = 1});
  Graph graph = teacher;
  insert_scales(graph);
  randomize(graph, 6);
  Budget budget{Budget::Kind::macs, 0, {1, 3, 32, 32}};
  const double all = graph.cost(budget.input).macs.true_macs;
  const double by_norms = least_cost(graph, prune_groups(graph, PruneBy::norm), budget);
  budget.target = 0.7 * by_norms;
  CHECK(least_cost(graph, prune_groups(graph), budget) < budget.target);
  CHECK(by_norms < all);
  const double reached = prune_to_budget(graph, prune_groups(graph), budget);
  CHECK(reached == Approx(budget.target).epsilon(0.2));
  const Graph small = extract(graph);
  CHECK(small.cost(budget.input).macs.true_macs == reached);
  CHECK(small.original_channels.count("conv02_1") + small.original_channels.count("deconv01_1") >
        0);
}
