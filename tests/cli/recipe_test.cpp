// Recipes as users give them: what is wrong with one is misuse and nothing is made, a run folder
// keeps a copy that repeats the run from anywhere, and a run that was killed goes on to the same
// bits.

#include "tests/catch.h"
#include "tests/cli/kills.h"
#include "tests/cli/tiny_model.h"
#include "tests/temp_dir.h"

namespace fs = std::filesystem;

namespace {

using Words = std::vector<std::string>;

constexpr const char* kDense = "[[stages]]\nkind = \"dense\"\n";
constexpr const char* kSlim = "[[stages]]\nkind = \"slim\"\n";

// Prunes twice, first by a fixed weight of the sparsity.
constexpr const char* kRounds = R"(target_ratio = 3.2
[[stages]]
kind = "dense"
steps = 4
width = 6
blocks = 1
[[stages]]
kind = "slim"
rho = 1e-3
steps = 4
[[stages]]
kind = "slim"
quantize = true
steps = 4
[[stages]]
kind = "finetune"
steps = 4
)";

Words with_recipe(const std::string& recipe, const Words& more = {}) {
  Words w = {"train", "--recipe", recipe, "--size", "16", "--batch", "1", "--threads", "1"};
  w.insert(w.end(), more.begin(), more.end());
  return w;
}

ProcessOptions in(const fs::path& folder) {
  ProcessOptions options;
  options.folder = folder;
  options.timeout = std::chrono::minutes(5);  // of a busy machine
  return options;
}

void works(const Words& words, const ProcessOptions& options) {
  const ProcessResult r = run_program(words, options);
  INFO(r.err);
  REQUIRE(r.exit_code == 0);
}

void check_same(const fs::path& a, const fs::path& b) {
  for (const char* name : {"model.safetensors", "teacher.safetensors"}) {
    INFO(name);
    CHECK(read_text(a / name) == read_text(b / name));
  }
}

}  // namespace

TEST_CASE("what is wrong with a recipe is misuse, in one sentence, and nothing is made") {
  const TempDir dir;
  struct Row {
    std::string text, said;
    Words more = {};
  };
  const std::string dense = kDense, slim = kSlim;
  const std::vector<Row> rows = {
      // Nothing to prune to.
      {dense + slim, ": a stage slim prunes to a budget and there is none, expected target_ratio"},
      {dense + slim + "rho = 0.1\n" + slim, ": a stage slim prunes to a budget and there is none"},
      {"target_ratio = 3\n" + dense + slim + "rho = 0.1\n",
       ": target_ratio has no effect, because no stage prunes without a rho of its own"},
      {"target_macs = 3e6\n" + dense, ": target_macs has no effect"},
      // Cases, whether a run comes to them or not.
      {"built_in = {kind = \"dense\"}\n" + dense, ": built_in: kind is not a key here"},
      {dense + "built_in = {kind = \"slim\"}", "stage 1 (dense): built_in: kind is not a key here"},
      {dense + "built_in = {when = \"always\"}", "built_in: when is not a key here"},
      {dense + "paper = {built_in = {lr = 1}}", "paper: built_in is not a key here"},
      {dense + "paper = {lr = nan}", ": line 3 holds a number that is not finite"},
      {dense + "paper = {lr = 7}", "(dense): paper: lr must be a finite number from 0 to 1, got 7"},
      {dense + "paper = 3", "(dense): paper must be a table of keys, got 3"},
      {"paper = {size = 3}\n" + dense, ": paper: size must be a whole number from 16 to 4096"},
      // Numbers.
      {"target_ratio = 3\n" + dense + slim + "beta = 1e39",
       "beta must be 0 or a number of a size from 1.2e-38 to 3.4e38, got 1e+39"},
      {dense + slim + "rho = 1e39", "(slim): rho must be 0 or a number of a size from"},
      {dense + slim + "rho = 1e-40", "(slim): rho must be 0 or a number of a size from"},
      {dense + slim + "rho = 1979-05-27", ": line 5 holds a date or time"},
      {"target_ratio = \"12\"\n" + dense + slim,
       ": target_ratio must be a finite number from 1 to 1000000, got the text \"12\""},
      {"target_macs = 0\n" + dense + slim, ": target_macs must be a finite number of at least 1"},
      {dense + "steps = 99999999999999999999",
       ": line 3: 99999999999999999999 is a larger number than any setting takes"},
      // Keys of other stages.
      {"target_ratio = 3\n" + dense + slim + "cycle = 3",
       "stage 2 (slim): cycle has no effect in a stage of this kind, expected it in one of kind "
       "coevolve, cycle or dense; leave it out"},
      {dense + "rho = 3", "(dense): rho has no effect in a stage of this kind, expected it in one"},
      {dense + slim + "makes = \"teacher\"", "(slim): makes is not a key here, expected one of"},
      {"target_ratio = 3\n" + dense + slim + "[[stages]]\nkind = \"finetune\"\nrho = 1",
       "stage 3 (finetune): rho has no effect where nothing is pruned"},
      {"target_ratio = 3\n" + dense + slim + "distance = \"none\"\nbeta = 3",
       "stage 2 (slim): beta has no effect without a distance"},
      {"target_ratio = 3\n" + dense + slim + "distance = \"none\"\ngan_weight = 0",
       "stage 2 (slim): learns from nothing"},
      {"target_ratio = 3\n" + dense + slim + "distance = \"lpips\"",
       "distance must be features, perceptual, mse, l1, discriminator or none, got lpips"},
      {dense + "[[stages]]\nkind = \"evolve\"\nrho = 3",
       "stage 2 (evolve): rho has no effect in a stage of this kind, expected it in one of kind "},
      {dense + "[[stages]]\nkind = \"evolve\"",
       ": a stage evolve prunes to a budget and there is none"},
      {dense + "population = 3", "expected it in one of kind coevolve or evolve; leave it out"},
      {dense + "l1 = 3", "expected it in one of kind pix2pix; leave it out"},
      {"target_ratio = 3\n" + dense + slim + "width = 3",
       "width has no effect on a student as wide"},
      {"target_ratio = 3\n" + dense + slim + "[[stages]]\nkind = \"distill\"",
       "stage 3 (distill): begins with a fresh student, so it must be the first stage"},
      {"target_ratio = 3\n" + dense + slim + "[[stages]]\nkind = \"finetune\"\nfrom = \"narrow\"",
       "stage 3 (finetune): from has no effect"},
      {"name = \"a/b\"\n" + dense, ": name must be a word that can be the name of a file"},
      {"= 3", ": line 1: not TOML: "},
      // What the command says besides.
      {"target_ratio = 3\n" + slim, ": trains no teacher, so it needs one; give --teacher"},
      {dense, "--method: has no effect here, expected a run without --recipe", {"--method", "gs8"}},
      {dense,
       "--load-size: must be at least the size 16, got",
       {"--load-size", "16", "--size", "20"}},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    write_text(dir / "own.toml", row.text);
    Words words = {"train", "--recipe", "own.toml"};
    words.insert(words.end(), row.more.begin(), row.more.end());
    const ProcessResult r = run_program(words, in(dir.path()));
    INFO(r.err);
    CHECK(r.exit_code == 2);
    const bool load_size = row.said.rfind("--load-size", 0) == 0;
    CHECK(r.err.find(load_size ? "--load-size: must be at least the size 20" : row.said) !=
          std::string::npos);
    CHECK(r.err.rfind(
              row.said.rfind("--", 0) == 0 ? "gsx train: --" : "gsx train: recipe own.toml: ", 0) ==
          0);
    CHECK(r.err.find("makes,") == std::string::npos);
    CHECK_FALSE(fs::exists(dir / "runs"));
  }
  const ProcessResult none = run_program({"train", "--recipe", "no.toml"}, in(dir.path()));
  CHECK(none.exit_code == 2);
  CHECK(none.err.find("recipe no.toml: cannot be read") != std::string::npos);
  // Other beginnings that fail leave nothing either.
  CHECK(run_program({"train", "--size", "30"}, in(dir.path())).exit_code == 1);
  CHECK_FALSE(fs::exists(dir / "runs"));
}

TEST_CASE("a run folder keeps its recipe, and its settings repeat the run from anywhere") {
  const TempDir dir;
  fs::create_directories(dir / "here");
  fs::create_directories(dir / "there");
  write_text(dir / "here" / "rounds.toml", kRounds);
  works(with_recipe("rounds.toml"), in(dir / "here"));
  const fs::path run = dir / "here" / "runs" / "rounds-1";
  REQUIRE(fs::exists(run / "recipe.toml"));
  CHECK(read_text(run / "recipe.toml") == "name = \"rounds\"\n" + std::string(kRounds));
  // The file itself is not needed any more.
  write_text(dir / "here" / "rounds.toml", kDense);
  works({"train", "--config", (run / "config.toml").string()}, in(dir / "there"));
  const fs::path again = dir / "there" / "runs" / "rounds-1";
  check_same(run, again);
  // Nor is the run that was repeated.
  fs::remove_all(dir / "here");
  works({"train", "--config", (again / "config.toml").string(), "--out", "third"}, in(dir.path()));
  check_same(again, dir / "third");
  CHECK(read_text(dir / "third" / "recipe.toml") == read_text(again / "recipe.toml"));

  // A folder that holds a file of that name is not written in.
  fs::create_directories(dir / "mine");
  write_text(dir / "mine" / "recipe.toml", kRounds);
  const ProcessResult r =
      run_program(with_recipe("mine/recipe.toml", {"--out", "mine"}), in(dir.path()));
  CHECK(r.exit_code == 1);
  CHECK(r.err.find("mine holds recipe.toml already") != std::string::npos);
}

TEST_CASE("a run folder that moved repeats its run") {
  const TempDir dir;
  const std::string odd = "m\xe9 #1";  // not UTF-8
  fs::create_directories(dir / odd / "photos");
  for (int i = 0; i < 3; ++i)
    save_image(dir / odd / "photos" / (std::to_string(i) + ".png"), 40 * i, 20, 20);
  save_generator(dir / odd / "t.safetensors");
  save_network(dir / odd / "d.safetensors", "patchgan", {{"width", 4}, {"layers", 2}});
  write_text(
      dir / "own.toml",
      std::string(kSlim) + "steps = 2\nrho = 0.1\n[[stages]]\nkind = \"finetune\"\nsteps = 1\n");
  // What lies in the run folder goes with it.
  works(with_recipe("own.toml",
                    {"--out", odd, "--data", odd + "/photos", "--teacher", odd + "/t.safetensors",
                     "--discriminator", "patchgan,width=4,layers=2:" + odd + "/d.safetensors"}),
        in(dir.path()));
  fs::remove(dir / "own.toml");
  fs::create_directories(dir / "deep");
  fs::rename(dir / odd, dir / "deep" / "moved");
  works({"train", "--config", "deep/moved/config.toml", "--out", "again"}, in(dir.path()));
  check_same(dir / "deep" / "moved", dir / "again");
  works({"train", "--config", "config.toml", "--out", "../third"}, in(dir / "deep" / "moved"));
  check_same(dir / "deep" / "moved", dir / "deep" / "third");
}

TEST_CASE("settings of a run name its inputs so that they are found from anywhere") {
  const TempDir dir;
  fs::create_directories(dir / "here");
  save_generator(dir / "here" / "teacher.safetensors");
  fs::create_directories(dir / "here" / "photos");
  for (int i = 0; i < 3; ++i)
    save_image(dir / "here" / "photos" / (std::to_string(i) + ".png"), 40 * i, 20, 20);
  works({"train",
         "--teacher",
         "teacher.safetensors",
         "--data",
         "photos",
         "--size",
         "16",
         "--batch",
         "1",
         "--threads",
         "1",
         "--discriminator-steps",
         "1",
         "--slim-steps",
         "2",
         "--finetune-steps",
         "1",
         "--rho",
         "0.1",
         "--out",
         "run"},
        in(dir / "here"));
  works({"train", "--config", "here/run/config.toml", "--out", "again"}, in(dir.path()));
  check_same(dir / "here" / "run", dir / "again");
}

TEST_CASE("a recipe's run that was killed at random moments ends with the same bits") {
  const TempDir dir;
  write_text(dir / "rounds.toml", kRounds);
  const Words often = {"--checkpoint-every", "3"};
  const auto start = [&](const std::string& out) {
    Words more = often;
    more.insert(more.end(), {"--out", out});
    return with_recipe("rounds.toml", more);
  };
  works(start("whole"), in(dir.path()));
  const auto begun = [&] { return fs::exists(dir / "killed" / "checkpoint.safetensors"); };
  run_through_kills(
      {.seed = 7, .most = 12, .first = 60, .growth = 20, .folder = dir.path()},
      [&] {
        return begun() ? Words{"train", "--resume", "killed", "--threads", "1"} : start("killed");
      },
      // From its first checkpoint on a run needs the recipe no more.
      [&] {
        if (begun()) write_text(dir / "rounds.toml", "");
      });
  check_same(dir / "whole", dir / "killed");
  CHECK(read_text(dir / "whole" / "checkpoint.safetensors") ==
        read_text(dir / "killed" / "checkpoint.safetensors"));
}

TEST_CASE("pruning without effect is told, and budgets are told by whose they are") {
  const TempDir dir;
  write_text(dir / "idle.toml", std::string(kDense) + "steps = 1\nwidth = 6\nblocks = 1\n" + kSlim +
                                    "rho = 0\nsteps = 2\n");
  const ProcessResult idle =
      run_program(with_recipe("idle.toml", {"--out", "idle"}), in(dir.path()));
  INFO(idle.err);
  CHECK(idle.exit_code == 0);
  CHECK(idle.err.find("the stage slim pruned no channel, its rho of 0 is too small") !=
        std::string::npos);

  write_text(dir / "hard.toml",
             "target_ratio = 1000\n" + std::string(kDense) + "width = 6\n" + kSlim);
  const ProcessResult hard =
      run_program(with_recipe("hard.toml", {"--out", "hard"}), in(dir.path()));
  INFO(hard.err);
  CHECK(hard.exit_code == 1);
  CHECK(hard.err.find("the target_ratio 1000 of recipe ") != std::string::npos);
  CHECK(hard.err.find("default") == std::string::npos);
}
