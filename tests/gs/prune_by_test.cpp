// Runs that prune by inserted scales: networks without any norm, what --prune-by chooses, and
// checkpoints from before there was a choice.
#include "gs/passes/insert_scales.h"
#include "models/architectures.h"
#include "models/builder.h"
#include "tests/catch.h"
#include "tests/gs/graphs.h"
#include "tests/gs/tiny_run.h"
#include "tests/sealed_file.h"

using namespace gsx;
using namespace gsx::testing;

namespace fs = std::filesystem;

namespace {

// Five convolutions without a norm, two of them on a residual stream.
Graph bare_teacher() {
  Builder b("bare", 3);
  const auto conv = [&](const char* name, int in, int out) {
    b.conv(name, {.in = in, .out = out, .options = {.pad = Padding::all(1)}});
  };
  conv("c1", 3, 8);
  b.activation("a1", Activation::relu);
  const int skip = b.last();
  conv("c2", 8, 6);
  b.activation("a2", Activation::leaky_relu);
  conv("c3", 6, 8);
  b.add("sum", skip, b.last());
  conv("c4", 8, 6);
  b.activation("a4", Activation::relu);
  conv("out", 6, 3);
  b.activation("tanh", Activation::tanh);
  return b.take();
}

TrainConfig config_for(const fs::path& dir, Graph teacher) {
  test::randomize(teacher, 2);
  save_model(teacher, dir / "teacher.safetensors");
  TrainConfig c = tiny_config(dir / "run");
  c.teacher = (dir / "teacher.safetensors").string();
  c.discriminator_steps = 2;
  c.width.reset();
  c.blocks.reset();
  c.target_ratio.reset();
  c.target_macs = teacher.cost({1, 3, 16, 16}).macs.true_macs / 2;
  return c;
}

Graph small_cartoongan() { return cartoongan({.width = 6, .blocks = 1}); }

std::vector<std::vector<float>> values(const fs::path& model) {
  const Graph graph = load_model(Context::create(), model);
  std::vector<std::vector<float>> all;
  for (const Parameter* p : graph.parameters()) all.push_back(p->value.to_vector());
  return all;
}

}  // namespace

TEST_CASE("prune by: a network without any norm is slimmed to its budget", "[trainer]") {
  for (const char* method : {"gs32", "gs8"}) {
    INFO(method);
    const TempDir dir;
    TrainConfig c = config_for(dir.path(), bare_teacher());
    c.method = method;
    const TrainResult r = run_tiny(c);
    CHECK(r.r_s == Approx(2).epsilon(0.1));
    const Graph small = load_model(Context::create(), r.model);
    CHECK_FALSE(small.original_channels.empty());
    for (const Parameter* p : small.parameters()) CHECK(p->role != Role::gamma);
  }
}

TEST_CASE("prune by: norms alone cut what they stand behind, inserted scales the rest",
          "[trainer]") {
  const auto cut = [](const char* by) {
    const TempDir dir;
    TrainConfig c = config_for(dir.path(), small_cartoongan());
    c.target_macs = *c.target_macs * 1.3;
    c.prune_by = by;
    return load_model(Context::create(), run_tiny(c).model).original_channels;
  };
  for (const auto& [by, own, norms] :
       {std::tuple{"norm", false, true}, std::tuple{"inserted", true, false}}) {
    INFO(by);
    const std::map<std::string, int> lost = cut(by);
    int of_own = 0, of_norms = 0;
    for (const char* name : {"conv02_1", "conv03_1", "deconv01_1", "deconv02_1"})
      of_own += static_cast<int>(lost.count(name));
    for (const char* name : {"in01_1", "in02_1", "in03_1", "in04_1", "in05_1", "in06_1"})
      of_norms += static_cast<int>(lost.count(name));
    CHECK((of_own > 0) == own);
    CHECK((of_norms > 0) == norms);
  }
}

TEST_CASE("prune by: scales that there are not are refused before the first step", "[trainer]") {
  const TempDir dir;
  TrainConfig c = config_for(dir.path(), bare_teacher());
  c.method = "gs32";
  c.prune_by = "norm";
  CHECK_THROWS_WITH(run_tiny(c), Catch::Contains("has no channels that can be pruned by the scales "
                                                 "that --prune-by names, try both; give"));
}

TEST_CASE("prune by: a run stopped while scales train ends with the same bytes", "[trainer]") {
  const TempDir dir;
  TrainConfig c = config_for(dir.path(), small_cartoongan());
  const TrainResult whole = run_tiny(c);
  for (const int stop_after : {3, 4, 5, 6}) {
    INFO("stopped after step " << stop_after);
    c.run_dir = dir.path() / ("stopped" + std::to_string(stop_after));
    StopAfter first(stop_after), rest;
    CHECK_FALSE(train(c, false, first, first.stop).finished);
    TrainConfig only_folder;
    only_folder.run_dir = c.run_dir;
    only_folder.context = Context::create({.threads = 1});
    CHECK(train(only_folder, true, rest, rest.stop).finished);
    CHECK(read_text(c.run_dir / "model.safetensors") == read_text(whole.model));
  }
}

TEST_CASE("prune by: checkpoints from before there was a choice go on by norms", "[trainer]") {
  const TempDir dir;
  TrainConfig c = config_for(dir.path(), small_cartoongan());
  c.target_macs = *c.target_macs * 1.3;
  c.prune_by = "norm";
  c.importance = "scale";
  const TrainResult by_norms = run_tiny(c);
  c.prune_by.reset();
  c.importance.reset();
  c.run_dir = dir.path() / "old";
  StopAfter first(1), rest;
  CHECK_FALSE(train(c, false, first, first.stop).finished);
  const fs::path checkpoint = c.run_dir / "checkpoint.safetensors";
  std::string text = unsealed(read_text(checkpoint));
  for (const std::string key : {R"(\"prune_by\":\"both\",)", R"(\"importance\":\"output\",)"}) {
    REQUIRE(text.find(key) != std::string::npos);
    for (size_t at = text.find(key); at != std::string::npos; at = text.find(key))
      text.replace(at, key.size(), std::string(key.size(), ' '));
  }
  write_text(checkpoint, text);
  CHECK(train(c, true, rest, rest.stop).finished);
  CHECK(values(c.run_dir / "model.safetensors") == values(by_norms.model));
}
