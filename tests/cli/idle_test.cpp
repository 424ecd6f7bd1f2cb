// Settings without effect are refused with the runs in which they would have one; files of settings
// may hold those that say the default.
#include "tests/catch.h"
#include "tests/cli/process.h"
#include "tests/cli/tiny_model.h"
#include "tests/temp_dir.h"

namespace fs = std::filesystem;

namespace {

using Words = std::vector<std::string>;

struct Row {
  Words words;
  std::string flag, where;
};

}  // namespace

TEST_CASE("settings without effect are refused, with where they would have one") {
  const TempDir dir;
  ProcessOptions there;
  there.folder = dir.path();
  save_generator(dir / "t.safetensors");
  save_network(dir / "discriminator.safetensors", "patchgan", {{"width", 4}, {"layers", 2}});
  const Words dense = {"--method", "dense"}, distill = {"--method", "distill"},
              gs32 = {"--method", "gs32"}, given = {"--teacher", "t.safetensors"};
  const std::string prunes = "a run that prunes", student = "a run that makes a student",
                    eight = "a run that makes an 8-bit network",
                    teacher = "a run that trains a teacher, without --teacher";
  const auto also = [](Words words, const Words& more) {
    words.insert(words.end(), more.begin(), more.end());
    return words;
  };
  const std::vector<Row> rows = {
      {also(dense, {"--target-ratio", "3"}), "--target-ratio", "a run that prunes to a budget"},
      {also(dense, {"--target-macs", "3M"}), "--target-macs", "a run that prunes to a budget"},
      {also(distill, {"--width", "4", "--target-ratio", "3"}), "--target-ratio", "without --width"},
      {also(dense, {"--rho", "3"}), "--rho", prunes},
      {also(distill, {"--rho", "3"}), "--rho", prunes},
      {also(distill, {"--lr-gamma", "1"}), "--lr-gamma", prunes},
      {{"--quantize-student"}, "--quantize-student", "a run of --method distill"},
      {also(gs32, {"--quantize-student"}), "--quantize-student", "a run of --method distill"},
      {also(gs32, {"--quant-grid", "paper"}), "--quant-grid", eight},
      {also(distill, {"--act-range", "3"}), "--act-range", eight},
      {also(dense, {"--per-tensor"}), "--per-tensor", eight},
      {also(dense, {"--distance", "l1"}), "--distance", student},
      {also(dense, {"--beta", "1"}), "--beta", student},
      {also(dense, {"--weight-decay", "1"}), "--weight-decay", student},
      {also(dense, {"--lr-discriminator", "1"}), "--lr-discriminator", student},
      {also(dense, {"--slim-steps", "1"}), "--slim-steps", "a run with a stage slim or distill"},
      {also(dense, {"--finetune-steps", "1"}), "--finetune-steps", "a run with a stage finetune"},
      {also(dense, {"--lr-finetune", "1"}), "--lr-finetune", "a run with a stage finetune"},
      {also(given, {"--width", "4"}), "--width", teacher},
      {also(given, {"--blocks", "1"}), "--blocks", teacher},
      {also(given, {"--dense-steps", "1"}), "--dense-steps", teacher},
      {also(given, {"--discriminator-steps", "1"}), "--discriminator-steps",
       "a run with a --teacher that comes without a discriminator"},
      {also(dense, {"--generator", "unet"}), "--generator", "a run of --method pix2pix"},
      {{"--max-pixels", "1000"}, "--max-pixels", "a run with --data"},
  };
  for (const Row& row : rows) {
    const ProcessResult r = run_program(also({"train"}, row.words), there);
    INFO(row.flag << ": " << r.err);
    CHECK(r.exit_code == 2);
    CHECK(r.err.rfind("gsx train: " + row.flag + ": has no effect here, expected ", 0) == 0);
    CHECK(r.err.find(row.where) != std::string::npos);
    CHECK(r.err.find("; leave it out\n") != std::string::npos);
    CHECK_FALSE(fs::exists(dir / "runs"));
  }
}

TEST_CASE("files of settings may hold what says the default, and of gsx 0.1.0 whatever they hold") {
  const TempDir dir;
  ProcessOptions there;
  there.folder = dir.path();
  const std::string small =
      "size = 16\nwidth = 4\nblocks = 1\nbatch = 1\nthreads = 1\ndense-steps = 1\n";
  const auto run = [&](const std::string& text, const Words& more = {}) {
    write_text(dir / "own.toml", text);
    Words words = {"train", "--config", "own.toml", "--out", "run"};
    words.insert(words.end(), more.begin(), more.end());
    ProcessResult r = run_program(words, there);
    fs::remove_all(dir / "run");
    return r;
  };
  const std::string defaults =
      "distance = \"perceptual\"\nquant-grid = \"int8\"\nper-tensor = false\n";
  const ProcessResult tolerated = run(small + defaults + "method = \"dense\"\n");
  INFO(tolerated.err);
  CHECK(tolerated.exit_code == 0);

  const ProcessResult refused = run(small + "method = \"dense\"\nrho = 0.3\n");
  INFO(refused.err);
  CHECK(refused.exit_code == 2);
  CHECK(refused.err.find("--config own.toml: rho has no effect here, expected a run that prunes") !=
        std::string::npos);

  const ProcessResult old = run("# settings of a run, written by gsx 0.1.0: gsx train\n" + small +
                                "method = \"dense\"\nrho = 0.3\n");
  INFO(old.err);
  CHECK(old.exit_code == 0);

  // The file's method gives way to a recipe only where it is the default.
  write_text(dir / "r.toml", "[[stages]]\nkind = \"dense\"\n");
  CHECK(run(small + "method = \"gs8\"\n", {"--recipe", "r.toml"}).exit_code == 0);
  CHECK(run(small + "method = \"gs32\"\n", {"--recipe", "r.toml"}).exit_code == 2);
}
