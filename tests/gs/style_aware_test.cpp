// Style-aware training: whose turn it is, a run that can be stopped, and students of its teacher,
// whose discriminator judges several scales.
#include "gs/train/style_aware_stage.h"

#include "gs/passes/narrow.h"
#include "models/architectures.h"
#include "tests/catch.h"
#include "tests/gs/tiny_run.h"

using namespace gsx;
using namespace gsx::testing;

namespace fs = std::filesystem;

namespace {

// Images of 32 pixels are the smallest that the network takes.
TrainConfig tiny_style(const fs::path& dir) {
  TrainConfig c = tiny_config(dir);
  c.method = "style-aware";
  c.size = 32;
  c.width = 2;
  c.target_ratio.reset();
  c.slim_steps.reset();
  c.finetune_steps.reset();
  c.dense_steps = 6;
  return c;
}

const fs::path& tiny_teacher() {
  static const TempDir dir;
  static const fs::path model = run_tiny(tiny_style(dir.path() / "teacher")).model;
  return model;
}

double loss(const Losses& losses, const std::string& name) {
  for (const auto& [word, value] : losses)
    if (word == name) return value;
  return -1;
}

}  // namespace

TEST_CASE("style-aware: the discriminator learns while it is right too seldom", "[trainer]") {
  const TempDir dir;
  static TrainObserver observer;
  TrainConfig c = tiny_style(dir / "run");
  RunState run = make_run_state(c, make_recipe(c, false), observer);
  const StagePlan& plan = run.recipe.stages[0];
  StyleAwareStage begun(run, plan);
  const Losses first = begun.step(0);
  CHECK(loss(first, "gan") > 0);
  CHECK(loss(first, "features") > 0);
  CHECK(loss(first, "discriminator") == -1);
  CHECK(loss(first, "success") >= 0.95 * 0.8);
  StateWriter out;
  begun.save(out);
  out.meta["success"] = 0.7;
  out.write(dir / "state");
  StyleAwareStage seldom(run, plan, StateReader(dir / "state"));
  const Losses second = seldom.step(1);
  CHECK(loss(second, "gan") == -1);
  CHECK(loss(second, "discriminator") > 0);
  CHECK(loss(second, "success") >= 0.95 * 0.7);
  CHECK(loss(second, "success") <= 0.95 * 0.7 + 0.05);
}

TEST_CASE("style-aware: a run stopped after any step ends with the bytes of an undisturbed one",
          "[trainer]") {
  const TempDir dir;
  TrainConfig c = tiny_style(dir / "whole");
  CHECK(run_tiny(c).finished);
  for (const int stop_after : {1, 4}) {
    c.run_dir = dir / std::to_string(stop_after);
    StopAfter first(stop_after), second;
    CHECK_FALSE(train(c, false, first, first.stop).finished);
    TrainConfig only_folder;
    only_folder.run_dir = c.run_dir;
    only_folder.context = c.context;
    CHECK(train(only_folder, true, second, second.stop).finished);
    for (const char* file :
         {"model.safetensors", "checkpoint.safetensors", "discriminator.safetensors"})
      CHECK(read_text(dir / "whole" / file) == read_text(c.run_dir / file));
  }
}

TEST_CASE("style-aware: its discriminator has as many scales as the images", "[trainer]") {
  const auto context = Context::create();
  const fs::path folder = tiny_teacher().parent_path();
  CHECK(load_model(context, tiny_teacher()).architecture() == "style_aware");
  const Graph judge = load_model(context, folder / "discriminator.safetensors");
  CHECK(judge.architecture() == "style_aware_discriminator");
  CHECK(judge.outputs().size() == 3);  // 16, 8 and 2 pixels
}

TEST_CASE("style-aware: every way to compress works on its teacher", "[trainer]") {
  for (const char* method : {"gs32", "gs8", "cp", "gd", "cec"}) {
    INFO(method);
    const TempDir dir;
    TrainConfig c = tiny_style(dir / "run");
    c.teacher = tiny_teacher().string();
    c.method = method;
    c.width.reset();
    c.blocks.reset();
    c.dense_steps.reset();
    c.slim_steps = std::string(method) == "cec" ? 10 : 3;
    c.finetune_steps = 2;
    if (std::string(method) != "gd") c.target_ratio = std::string(method) == "gs8" ? 4.2 : 2;
    const TrainResult r = run_tiny(c);
    CHECK(r.finished);
    CHECK(r.r_c > 1.5);
    const Graph student = load_model(Context::create(), r.model);
    CHECK(student.quantized() == (std::string(method) == "gs8"));
    if (std::string(method) == "gd") CHECK(network_width(student) == 1);
  }
}

TEST_CASE("style-aware: without paintings of a style there is nothing to learn", "[trainer]") {
  const TempDir dir;
  for (int i = 0; i < 3; ++i) write_png(dir.path() / (std::to_string(i) + ".png"), Image(40, 40));
  TrainConfig c = tiny_style(dir.path().string() + "-run");
  c.data = dir.path().string();
  CHECK_THROWS_WITH(run_tiny(c), Catch::Contains("needs paintings whose style to learn"));
}
