// pix2pix by a U-Net: how deep it is, what it refuses, and its students.
#include "gs/passes/narrow.h"
#include "gs/recipe.h"
#include "models/architectures.h"
#include "tests/catch.h"
#include "tests/gs/tiny_run.h"

using namespace gsx;
using namespace gsx::testing;

namespace fs = std::filesystem;

namespace {

TrainConfig tiny_unet(const fs::path& dir) {
  TrainConfig c = tiny_config(dir);
  c.method = "pix2pix";
  c.generator = "unet";
  c.width = 3;
  c.blocks.reset();
  c.target_ratio.reset();
  c.slim_steps.reset();
  c.finetune_steps.reset();
  return c;
}

std::string recipe_of(const fs::path& file, const std::string& keys) {
  write_text(file, "[[stages]]\nkind = \"pix2pix\"\nwidth = 3\n" + keys);
  return file.string();
}

int count(const Graph& graph, std::string_view kind) {
  int found = 0;
  for (int i = 0; i < graph.size(); ++i) found += graph.node(i).kind() == kind;
  return found;
}

}  // namespace

TEST_CASE("unet: it is as deep as the size is even") {
  CHECK(unet_layers(16) == 4);
  CHECK(unet_layers(64) == 6);
  CHECK(unet_layers(96) == 5);
  CHECK(unet_layers(128) == 7);
  CHECK(unet_layers(256) == 8);
  CHECK(unet_layers(1024) == 8);
  CHECK(unet_layers(50) == 1);
}

TEST_CASE("unet: a run of pix2pix with either norm, and its students", "[trainer]") {
  for (const char* norm : {"instance", "batch"}) {
    INFO(norm);
    const TempDir dir;
    TrainConfig c = tiny_unet(dir / "teacher");
    c.recipe = recipe_of(dir / "unet.toml",
                         std::string("generator = \"unet\"\nnorm = \"") + norm + "\"\n");
    c.width.reset();
    c.generator.reset();
    const TrainResult made = run_tiny(c);
    REQUIRE(made.finished);
    const Graph teacher = load_model(c.context, made.model);
    CHECK(teacher.architecture() == "unet");
    CHECK(count(teacher, "conv") == 4);
    const bool batch = std::string(norm) == "batch";
    CHECK(count(teacher, "batch_norm") == (batch ? 5 : 0));
    CHECK(count(teacher, "instance_norm") == (batch ? 0 : 5));
    for (const char* method : {"gs32", "gs8", "gd"}) {
      INFO(method);
      TrainConfig s = tiny_config(dir / method);
      s.teacher = made.model.string();
      s.method = method;
      s.width.reset();
      s.blocks.reset();
      s.dense_steps.reset();
      s.target_ratio = std::string(method) == "gs8" ? 3.5 : 2;
      const TrainResult r = run_tiny(s);
      CHECK(r.finished);
      const Graph student = load_model(Context::create(), r.model);
      // Batch norms went into the convolutions in front of them: all of a U-Net's can.
      CHECK(count(student, "batch_norm") == 0);
      if (std::string(method) == "gd") CHECK(network_width(student) <= 2);
    }
  }
}

TEST_CASE("unet: goes on after a stop with the same bits", "[trainer]") {
  const TempDir dir;
  TrainConfig c = tiny_unet(dir / "whole");
  CHECK(run_tiny(c).finished);
  c.run_dir = dir / "stopped";
  StopAfter first(2), second;
  CHECK_FALSE(train(c, false, first, first.stop).finished);
  TrainConfig only_folder;
  only_folder.run_dir = c.run_dir;
  only_folder.context = c.context;
  CHECK(train(only_folder, true, second, second.stop).finished);
  for (const char* file : {"model.safetensors", "checkpoint.safetensors"})
    CHECK(read_text(dir / "whole" / file) == read_text(dir / "stopped" / file));
}

TEST_CASE("unet: sizes it cannot halve and blocks it has not are refused") {
  const TempDir dir;
  TrainConfig c = tiny_unet(dir / "run");
  c.size = 50;
  CHECK_THROWS_WITH(make_recipe(c, false), Catch::Contains("--size: must be a multiple of 16") &&
                                               Catch::Contains("got 50"));
  c = tiny_unet(dir / "run");
  c.blocks = 3;
  CHECK_THROWS_WITH(make_recipe(c, false), Catch::Contains("--blocks: has no effect"));
  c = tiny_unet(dir / "run");
  c.recipe = recipe_of(dir / "blocks.toml", "generator = \"unet\"\nblocks = 3\n");
  CHECK_THROWS_WITH(make_recipe(c, false), Catch::Contains("blocks has no effect on a U-Net"));
  CHECK_FALSE(make_recipe(tiny_unet(dir / "run"), false).stages[0].blocks);
}

TEST_CASE("unet: a narrow one has the norms of its teacher") {
  for (const bool affine : {false, true}) {
    const Graph narrow = narrow_network(
        unet({.width = 8, .layers = 5, .norm = UnetNorm::instance, .affine = affine}), 3);
    CHECK(network_width(narrow) == 3);
    CHECK(count(narrow, "conv") == 5);
    CHECK(count(narrow, "batch_norm") == 0);
    CHECK((narrow.node(narrow.find("model.model.1.model.2")).parameter(Role::gamma) != nullptr) ==
          affine);
  }
  CHECK(count(narrow_network(unet({.width = 8, .layers = 3}), 4), "batch_norm") == 3);
}
