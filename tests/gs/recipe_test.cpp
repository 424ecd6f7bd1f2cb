// Methods as data: the built-in files say what they said as code, files of users run, and what is
// wrong with one is told in one sentence.
#include "gs/recipe.h"

#include <algorithm>
#include <fstream>

#include "gs/recipe_file.h"
#include "gs/train/stage.h"
#include "tests/catch.h"
#include "tests/gs/tiny_run.h"

using namespace gsx;
using namespace gsx::testing;

namespace fs = std::filesystem;

namespace {

TrainConfig config(const std::string& method, bool built_in) {
  TrainConfig c;
  c.method = method;
  if (!built_in) c.data = "photos";
  return c;
}

std::string recipe_file(const fs::path& path, const std::string& text) {
  std::ofstream(path) << text;
  return path.string();
}

// Kinds, steps and batches in one line.
std::string outline(const Recipe& r) {
  std::string text;
  for (const StagePlan& s : r.stages)
    text += s.kind + " " + std::to_string(s.steps) + "x" + std::to_string(s.batch) +
            (s.prune ? " prune" : "") + (s.quantize ? " quantize" : "") + (s.last ? "." : ", ");
  return text;
}

}  // namespace

TEST_CASE("recipe: the built-in methods do what they did when they were code") {
  CHECK(outline(make_recipe(config("gs8", true), false)) ==
        "dense 800x2, slim 400x2 prune quantize, finetune 500x2.");
  CHECK(outline(make_recipe(config("gs32", false), false)) ==
        "dense 20000x1, slim 1500x4 prune, finetune 1500x4.");
  CHECK(outline(make_recipe(config("dense", true), false)) == "dense 800x2.");
  TrainConfig c = config("distill", false);
  c.teacher = "teacher";
  c.quantize_student = true;
  const Recipe distill = make_recipe(c, true);
  CHECK(outline(distill) == "discriminator 200x4, distill 1500x4, finetune 1500x4 quantize.");
  CHECK(distill.target_ratio == 12);
  CHECK(distill.from_narrow());
  CHECK(make_recipe(config("gs8", true), false).target_ratio == 12);
  CHECK(make_recipe(config("gs32", true), false).target_ratio == 3);
  CHECK(make_recipe(config("dense", true), false).target_ratio == 0);
  CHECK(make_recipe(config("gs8", true), false).size == 64);
  CHECK(make_recipe(config("gs8", false), false).size == 128);

  struct Row {
    bool built_in;
    const char* objective;
    int width, blocks, discriminator_width;
    float dense_lr, lr_discriminator;
    GanLoss dense_loss, loss;
    bool teacher_is_real;
    Schedule decay;
  };
  const std::vector<Row> rows = {{true, "official", 16, 4, 24, 4e-4f, 4e-4f, GanLoss::lsgan_patch,
                                  GanLoss::lsgan_mean, true, Schedule::cosine},
                                 {false, "paper", 32, 6, 32, 2e-4f, 2e-4f, GanLoss::log,
                                  GanLoss::log, false, Schedule::linear}};
  for (const Row& row : rows) {
    TrainConfig chosen = config("gs8", row.built_in);
    chosen.objective = row.objective;
    const Recipe r = make_recipe(chosen, false);
    const StagePlan &dense = r.stages[0], &slim = r.stages[1];
    CHECK(dense.width == row.width);
    CHECK(dense.blocks == row.blocks);
    CHECK(r.discriminator_width() == row.discriminator_width);
    CHECK(cyclegan_step_options(dense).lr == row.dense_lr);
    CHECK(cyclegan_step_options(dense).gan_loss == row.dense_loss);
    CHECK(decay_of(dense) == Schedule::linear);
    const SlimmingOptions o = slimming_options(slim);
    CHECK(o.lr_discriminator == row.lr_discriminator);
    CHECK(o.lr_gamma == 0.01f);
    CHECK(o.beta == 20);
    CHECK(o.weight_decay == 0);
    CHECK(o.gan_loss == row.loss);
    CHECK(o.teacher_is_real == row.teacher_is_real);
    CHECK(decay_of(slim) == row.decay);
    CHECK_FALSE(slim.lr);
    chosen.teacher = "teacher";
    const StagePlan judge = make_recipe(chosen, true).stages[0];
    CHECK(judge.kind == "discriminator");
    CHECK(slimming_options(judge).gan_loss == row.dense_loss);
    CHECK(decay_of(judge) == (row.built_in ? Schedule::constant : Schedule::linear));
  }
}

TEST_CASE("recipe: layers of 4 bits are chosen only while pruning to a target ratio in 8 bits") {
  TrainConfig c = config("gs8", true);
  c.weight_bits = "auto";
  CHECK(make_recipe(c, false).target_ratio == 12);
  const auto refused = [&](const std::string& said) {
    CHECK_THROWS_WITH(make_recipe(c, false),
                      "--weight-bits: auto chooses while a stage prunes and quantises to a target "
                      "ratio, which no stage of " +
                          said + " does here; give 4 or 8, or --target-ratio with --method gs8");
  };
  c.target_macs = 1e6;
  refused("method gs8");
  c.target_macs.reset();
  c.rho = 1e-3f;
  refused("method gs8");
  c.rho.reset();
  c.method = "postq";
  refused("method postq");
  c.weight_bits = "4";
  CHECK_NOTHROW(make_recipe(c, false));
  c.weight_bits = "2";
  CHECK_THROWS_WITH(make_recipe(c, false), "train: --weight-bits must be 8, 4 or auto, got 2");
}

TEST_CASE("recipe: what is chosen wins, and zero is a choice") {
  TrainConfig c = config("gs8", true);
  c.slim_steps = 7;
  c.finetune_steps = 0;
  c.lr = 0;
  c.lr_finetune = 0.5f;
  c.rho = 0;
  c.batch = 3;
  c.width = 5;
  c.beta = 0;
  CHECK(make_recipe(c, false).prune_by() == PruneBy::both);
  c.prune_by = "inserted";
  const Recipe r = make_recipe(c, false);
  CHECK(r.prune_by() == PruneBy::inserted);
  CHECK(slimming_options(r.stages[1]).prune_by == PruneBy::inserted);
  CHECK(outline(r) == "dense 800x3, slim 7x3 prune quantize, finetune 0x3.");
  CHECK(r.stages[0].width == 5);
  CHECK_FALSE(r.stages[0].lr == 0.0f);
  CHECK(r.stages[1].lr == 0.0f);
  CHECK(r.stages[1].rho == 0.0f);
  CHECK_FALSE(r.stages[2].rho);
  CHECK(r.stages[2].lr == 0.5f);
  CHECK(slimming_options(r.stages[2]).beta == 0);
  CHECK(r.target_ratio == 0);
}

TEST_CASE("recipe: JSON of before stages said whose scales shrink means those of norms") {
  Json j = make_recipe(config("gs8", true), false).to_json();
  CHECK(Recipe::from_json(j).prune_by() == PruneBy::both);
  for (size_t i = 0; i < j.at("stages").size(); ++i) j.at("stages").at(i).erase("prune_by");
  CHECK(Recipe::from_json(j).prune_by() == PruneBy::norm);
}

TEST_CASE("recipe: channels are compared by the output, but by the paper and what came before it") {
  const auto importance = [](const Recipe& r) { return r.maker("student")->importance; };
  for (const std::string& name : recipe_names()) {
    INFO(name);
    TrainConfig c = config(name, true);
    const Recipe r = make_recipe(c, false);
    const auto prunes = [](const StagePlan& s) { return s.kind == "slim"; };
    const auto slims = std::find_if(r.stages.begin(), r.stages.end(), prunes);
    if (slims == r.stages.end()) continue;
    const bool plain = name == "cp" || name == "cp+d" || name == "d+cp";
    CHECK(slims->importance == (plain ? "scale" : "output"));
  }
  TrainConfig c = config("gs8", true);
  c.objective = "paper";
  CHECK(importance(make_recipe(c, false)) == "scale");
  c.importance = "output";
  CHECK(importance(make_recipe(c, false)) == "output");
  Json j = make_recipe(c, false).to_json();
  CHECK(importance(Recipe::from_json(j)) == "output");
  for (size_t i = 0; i < j.at("stages").size(); ++i) j.at("stages").at(i).erase("importance");
  CHECK(importance(Recipe::from_json(j)) == "scale");
}

TEST_CASE("recipe: JSON holds all of it") {
  for (const std::string& name : recipe_names()) {
    const Recipe r = make_recipe(config(name, false), false);
    const Recipe same = Recipe::from_json(Json::parse(r.to_json().dump()));
    CHECK(same.to_json() == r.to_json());
    CHECK(outline(same) == outline(r));
  }
}

TEST_CASE(
    "recipe: every kind of stage has defaults, and every kind with defaults is in the table") {
  std::vector<std::string> kinds, with_defaults;
  for (const StageKind& kind : stage_kinds()) kinds.push_back(kind.name);
  for (const auto& [name, value] : built_in_recipe("defaults").items())
    if (value.is_object() && name != "built_in" && name != "paper") with_defaults.push_back(name);
  std::sort(kinds.begin(), kinds.end());
  CHECK(kinds == with_defaults);
}

TEST_CASE("recipe: a method that nobody compiled runs to its end", "[trainer]") {
  const TempDir dir;
  TrainConfig c = tiny_config(dir / "run");
  c.target_ratio.reset();
  c.recipe = recipe_file(dir / "rounds.toml", R"(
target_ratio = 3.2
[[stages]]
kind = "dense"
[[stages]]
kind = "slim"
rho = 1e-3
[[stages]]
kind = "finetune"
[[stages]]
kind = "slim"
quantize = true
)");
  const TrainResult whole = run_tiny(c);
  CHECK(whole.finished);
  const Graph model = load_model(Context::create(), whole.model);
  CHECK(model.quantized());
  CHECK(model.provenance.at("method") == "rounds");
  CHECK(whole.r_c == Approx(3.2).epsilon(0.031));

  // The checkpoint holds the recipe: its file is not needed any more.
  c.run_dir = dir / "stopped";
  StopAfter first(5), rest;
  CHECK_FALSE(train(c, false, first, first.stop).finished);
  fs::remove(c.recipe);
  TrainConfig only_folder;
  only_folder.run_dir = c.run_dir;
  CHECK(train(only_folder, true, rest, rest.stop).finished);
  const auto bytes = [](const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  CHECK(bytes(c.run_dir / "model.safetensors") == bytes(whole.model));
}

TEST_CASE("recipe: what is wrong with one is told with file, stage, key and what was expected") {
  const TempDir dir;
  struct Row {
    const char *text, *said;
  };
  const std::vector<Row> rows = {
      {"stages = 3", ": stages must be a list of tables, each headed [[stages]], got 3"},
      {"", ": stages must be a list of tables, each headed [[stages]], got none"},
      {"[[stages]]\nsteps = 3",
       ": stage 1: lacks the key kind, expected cartoongan, coevolve, cycle, dense, discriminator, "
       "distill, evolve, finetune, pix2pix, slim, sngan or style-aware"},
      {"[[stages]]\nkind = \"slimm\"",
       ": stage 1: kind must be cartoongan, coevolve, cycle, dense, discriminator, distill, "
       "evolve, finetune, pix2pix, slim, sngan or style-aware, got slimm"},
      {"[[stages]]\nkind = \"dense\"\n[[stages]]\nkind = \"slim\"\nstep = 4",
       ": stage 2 (slim): step is not a key here, expected one of "},
      {"[[stages]]\nkind = \"dense\"\n[[stages]]\nkind = \"slim\"\nstep = 4",
       "did you mean steps?"},
      {"[[stages]]\nkind = \"dense\"\n[[stages]]\nkind = \"slim\"\nsteps = \"many\"",
       ": stage 2 (slim): steps must be a whole number from 0 to 100000000, got the text \"many\""},
      {"[[stages]]\nkind = \"dense\"\n[[stages]]\nkind = \"slim\"\nlr = -1",
       ": stage 2 (slim): lr must be a finite number from 0 to 1, got -1"},
      {"[[stages]]\nkind = \"dense\"\nbuilt_in = { decay = \"slow\" }",
       ": stage 1 (dense): built_in: decay must be constant, linear or cosine, got slow"},
      {"[[stages]]\nkind = \"dense\"\nwhen = \"tired\"",
       ": stage 1: when must be always, no teacher, no discriminator, both directions or one "
       "direction, got tired"},
      {"[[stages]]\nkind = \"slim\"", "trains no teacher, so it needs one; give --teacher"},
      {"[[stages]]\nkind = \"dense\"\n[[stages]]\nkind = \"dense\"",
       ": stage 2 (dense): must make a student"},
      {"target = 3\n[[stages]]\nkind = \"dense\"", ": target is not a key here, expected one of "},
      {"size = 4\n[[stages]]\nkind = \"dense\"",
       ": size must be a whole number from 16 to 4096, got 4"},
      {"a = = 3", ": line 1: not TOML: "},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    TrainConfig c = config("gs8", true);
    c.recipe = recipe_file(dir / "own.toml", row.text);
    CHECK_THROWS_WITH(make_recipe(c, false), Catch::StartsWith("recipe " + c.recipe + ": "));
    CHECK_THROWS_WITH(make_recipe(c, false), Catch::Contains(row.said));
  }
  TrainConfig none = config("gs8", true);
  none.recipe = (dir / "none.toml").string();
  CHECK_THROWS_WITH(make_recipe(none, false), Catch::Contains("none.toml: cannot be read"));
}
