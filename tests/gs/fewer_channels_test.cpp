// Narrow networks of any graph, against the built-in architectures of the same width.
#include "gs/passes/fewer_channels.h"

#include <set>

#include "gs/passes/narrow.h"
#include "models/builder.h"
#include "tests/catch.h"
#include "tests/gs/graphs.h"
#include "tests/gs/tiny_run.h"

using namespace gsx;

namespace {

std::vector<std::pair<std::string, Shape>> shapes_of(const Graph& graph) {
  std::vector<std::pair<std::string, Shape>> all;
  for (const Parameter* p : graph.parameters()) all.emplace_back(p->name, p->shape);
  return all;
}

double rms(const Parameter& p) {
  double squares = 0;
  for (const float v : p.value.to_vector()) squares += double{v} * v;
  return std::sqrt(squares / static_cast<double>(p.shape.numel()));
}

// An architecture of nobody's: grouped, depthwise and group-normed layers, a slice, a shuffle.
Graph foreign() {
  Builder b("foreign", 3);
  b.conv("enter", {.in = 3, .out = 16, .same_pad = true});
  b.put_node(make_group_norm("spread", b.last(), 16, 4, true, 1e-5f));
  b.activation("a1", Activation::relu);
  b.conv("blur", {.in = 16, .out = 16, .options = {.groups = 16}, .same_pad = true});
  b.conv("each", {.in = 16, .out = 16, .options = {.groups = 16}, .same_pad = true});
  const int skip =
      b.conv("grouped", {.in = 16, .out = 24, .options = {.groups = 4}, .same_pad = true});
  b.put_node(make_group_norm("alone", b.last(), 24, 24, true, 1e-5f));
  b.conv("inner", {.in = 24, .out = 24, .same_pad = true});
  b.add("sum", skip, b.last());
  b.conv("shuffled", {.in = 24, .out = 24, .same_pad = true});
  b.put_node(make_pixel_shuffle("larger", b.last(), 2));
  b.conv("leave", {.in = 6, .out = 3, .options = {.stride = 2}, .same_pad = true});
  b.activation("tanh", Activation::tanh);
  Graph graph = b.take();
  test::randomize(graph, 3);
  std::vector<float> same;
  for (int i = 0; i < 16 * 9; ++i) same.push_back(0.1f * static_cast<float>(1 + i % 9));
  graph.parameter("blur.weight")->value.copy_from(same);
  return graph;
}

}  // namespace

TEST_CASE("fewer channels: half of a built-in architecture is that of half the width") {
  const auto check = [](const Graph& whole, const Graph& half) {
    INFO(whole.architecture());
    CHECK(shapes_of(fewer_channels(whole, 0.5)) == shapes_of(half));
    CHECK(shapes_of(fewer_channels(whole, 1)) == shapes_of(whole));
  };
  check(cyclegan({.width = 8, .blocks = 2}), cyclegan({.width = 4, .blocks = 2}));
  check(cartoongan({.width = 8, .blocks = 2}), cartoongan({.width = 4, .blocks = 2}));
  check(fast_style({.width = 6, .blocks = 2}), fast_style({.width = 3, .blocks = 2}));
  check(unet({.width = 8, .layers = 4}), unet({.width = 4, .layers = 4}));
  check(style_aware({.width = 4, .blocks = 1}), style_aware({.width = 2, .blocks = 1}));
  check(sngan({.width = 8, .latent = 5, .blocks = 2}),
        sngan({.width = 4, .latent = 5, .blocks = 2}));
}

TEST_CASE("fewer channels: any network computes, learns, and comes back from its file") {
  for (const test::Case& c : test::cases()) {
    for (const double share : {0.3, 0.5}) {
      INFO(c.name << " " << share);
      const Graph teacher = c.make();
      Graph student = fewer_channels(teacher, share);
      Rng rng(1);
      draw_weights(student, teacher, test::context(), rng);
      CHECK(file_bytes(student) < file_bytes(teacher));
      const Tensor x = test::random_images(c.input, 5, teacher.input_format);
      const Tensor y = student.run(x);
      CHECK(y.shape() == teacher.run(x).shape());
      CHECK(std::isfinite(test::max_abs(y)));
      student.set_requires_grad(true);
      sum(student.run(x)).backward();
      const TempDir dir;
      save_model(student, dir / "m.safetensors");
      CHECK(test::max_difference(load_model(test::context(), dir / "m.safetensors").run(x), y) ==
            0);
    }
  }
}

TEST_CASE("fewer channels: groups, norms over groups, depthwise filters and shuffles stay whole") {
  const Graph teacher = foreign();
  Graph student = fewer_channels(teacher, 0.5);
  Rng rng(1);
  draw_weights(student, teacher, test::context(), rng);
  const auto shape = [&](const char* name) { return student.parameter(name)->shape; };
  CHECK(shape("enter.weight") == Shape{8, 3, 3, 3});
  CHECK(shape("each.weight") == Shape{8, 1, 3, 3});
  CHECK(shape("grouped.weight") == Shape{12, 2, 3, 3});
  CHECK(shape("inner.weight") == Shape{12, 12, 3, 3});
  CHECK(shape("leave.weight") == Shape{3, 3, 3, 3});
  const auto attributes = [&](const char* name) {
    return student.node(student.find(name)).attributes();
  };
  CHECK(attributes("spread").at("groups") == 4);
  CHECK_FALSE(attributes("spread").contains("kept"));
  CHECK(attributes("alone").at("groups") == 12);
  // Blurring was not learned; what is, is drawn as large as the teacher's.
  CHECK(student.parameter("blur.weight")->value.to_vector()[7] == 0.1f * 8);
  std::set<float> taps;
  for (const float v : student.parameter("blur.weight")->value.to_vector()) taps.insert(v);
  CHECK(taps.size() == 9);
  Graph whole = teacher;
  for (const char* name : {"inner.weight", "grouped.weight", "leave.weight"}) {
    INFO(name);
    const Parameter &mine = *student.parameter(name), &its = *whole.parameter(name);
    const double fan = static_cast<double>(its.shape[1]) / static_cast<double>(mine.shape[1]);
    CHECK(rms(mine) == Approx(rms(its) * std::sqrt(fan)).epsilon(0.15));
  }
  CHECK(student.parameter("leave.bias")->value.to_vector() ==
        whole.parameter("leave.bias")->value.to_vector());
  CHECK(rms(*student.parameter("inner.bias")) == 0);
}

TEST_CASE("fewer channels: where all are tied to the input there are none, and it is no wider") {
  Builder b("tied", 3);
  b.conv("only", {.in = 3, .out = 3, .same_pad = true});
  const Graph graph = b.take();
  CHECK_THROWS_WITH(fewer_channels(graph, 0.5),
                    Catch::Contains("no channel of 'tied' can be left out"));
  CHECK_THROWS_WITH(
      narrow_network(foreign(), 17),
      "--width: must be at most 16, the channels of the teacher's first layer, got 17");
  CHECK(network_width(narrow_network(foreign(), 8)) == 8);
}

TEST_CASE("fewer channels: networks of two inputs have a width within a budget of MACs, too") {
  constexpr int kLabel = 3;
  Builder b("labelled", 3);
  b.put_node(make_vector_input("label", kLabel));
  const int label = b.reshape("label.image", kLabel, 1, 1);
  b.put_node(make_slice("first", 0, {0, 1, 1}));
  const int zeros = b.affine("zeros", {0.0f}, {0.0f});
  b.put_node(make_arithmetic("spread", Arithmetic::add, zeros, label));
  b.concat("joined", {0, b.last()});
  b.conv("enter", {.in = 3 + kLabel, .out = 16, .same_pad = true});
  b.activation("act", Activation::relu);
  b.conv("leave", {.in = 16, .out = 3, .same_pad = true});
  Graph graph = b.take();
  test::randomize(graph, 3);
  Budget budget;
  budget.kind = Budget::Kind::macs;
  budget.input = {1, 3, 32, 32};
  budget.target = narrow_cost(graph, 16, budget, nullptr) / 4;
  CHECK(width_within(graph, budget, nullptr) == Approx(4).margin(0.5));
  const Graph narrow = narrow_network(graph, 4);
  CHECK(narrow.inputs().size() == 2);
  CHECK(network_width(narrow) == 4);
}

TEST_CASE("fewer channels: foreign teachers get narrow students, to a budget and to a width",
          "[trainer]") {
  using namespace gsx::testing;
  const TempDir dir;
  save_model(foreign(), dir / "teacher.safetensors");
  for (const char* method : {"gd", "distill", "d+cp"}) {
    INFO(method);
    TrainConfig c = tiny_config(dir / method);
    c.teacher = (dir / "teacher.safetensors").string();
    c.method = method;
    c.width.reset();
    c.blocks.reset();
    c.dense_steps.reset();
    c.discriminator_steps = 2;
    c.target_ratio = 2;
    if (std::string(method) == "gd") {
      c.target_ratio.reset();
      c.width = 4;
    }
    const TrainResult whole = run_tiny(c);
    REQUIRE(whole.finished);
    CHECK(whole.missed_budget.empty());
    const Graph student = load_model(Context::create({.threads = 1}), whole.model);
    CHECK(student.architecture() == "foreign");
    if (c.width) CHECK(network_width(student) == 4);
    else CHECK(whole.r_c >= 2 / 1.03);
    c.run_dir = dir / (std::string(method) + "-stopped");
    StopAfter first(4), second;
    CHECK_FALSE(train(c, false, first, first.stop).finished);
    TrainConfig only_folder;
    only_folder.run_dir = c.run_dir;
    CHECK(train(only_folder, true, second, second.stop).finished);
    CHECK(read_text(c.run_dir / "model.safetensors") == read_text(whole.model));
  }
}
