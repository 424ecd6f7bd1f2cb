// Budgets as users give them: families, several targets at once, and lists that make no sense.
#include <fstream>

#include "tests/catch.h"
#include "tests/cli/kills.h"
#include "tests/temp_dir.h"

namespace fs = std::filesystem;

namespace {

using Words = std::vector<std::string>;

Words small_run(const fs::path& out, const Words& more) {
  Words words = {"train",      "--out",
                 out.string(), "--size",
                 "16",         "--width",
                 "6",          "--blocks",
                 "1",          "--batch",
                 "1",          "--threads",
                 "1",          "--dense-steps",
                 "8",          "--slim-steps",
                 "20",         "--finetune-steps",
                 "8",          "--checkpoint-every",
                 "3"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

bool has(const std::string& text, const std::string& word) {
  return text.find(word) != std::string::npos;
}

}  // namespace

TEST_CASE("budgets: what makes no family is refused before anything is made") {
  const TempDir dir;
  const std::vector<std::pair<Words, std::string>> rows = {
      {{"--budgets", "8"}, "--budgets: must name at least two ratios, got 8"},
      {{"--budgets", "8,8"}, "got 8 after 8"},
      {{"--budgets", "32,16"}, "got 16 after 32"},
      {{"--budgets", "8,1e9"}, "got 1e9"},
      {{"--budgets", "8,16", "--target-ratio", "4"}, "--budgets and --target-ratio exclude"},
      {{"--budgets", "8,16", "--target-macs", "4M"}, "--budgets and --target-macs exclude"},
      {{"--budgets", "8,16", "--target-ms", "4"}, "--budgets and --target-ms exclude"},
      {{"--rho", "1", "--target-ms", "4"}, "--rho and --target-ms exclude"},
      {{"--budgets", "8,16", "--method", "gd"}, "needs a stage that prunes by shrinking gammas"},
      {{"--budgets", "8,16", "--weight-bits", "auto"}, "got --budgets 8,16; give 4 or 8"},
      {{"--target-ms", "0"}, "--target-ms: expected a finite number from 0.001"},
      {{"--target-ms", "4", "--method", "cec"}, "--target-ms: is not for the stage"}};
  for (const auto& [more, why] : rows) {
    Words words = {"train", "--out", dir / "run"};
    words.insert(words.end(), more.begin(), more.end());
    const ProcessResult r = run_program(words);
    INFO(r.err);
    CHECK(r.exit_code == 2);
    CHECK(has(r.err, why));
    CHECK_FALSE(fs::exists(dir / "run"));
  }
  const ProcessResult hard = run_program(small_run(dir / "run", {"--budgets", "3.2,4000"}));
  INFO(hard.err);
  CHECK(hard.exit_code == 1);
  CHECK(has(hard.err, "the 4000 of --budgets: the file can become at most "));
}

TEST_CASE("budgets: a family is a table, a file each and a curve, and ends so through kills") {
  const TempDir dir;
  const fs::path whole = dir / "whole", killed = dir / "killed";
  const ProcessResult r = run_program(small_run(whole, {"--budgets", "3.2,4.5,6"}));
  INFO(r.err);
  REQUIRE(r.exit_code == 0);
  for (const char* head : {"member", "file", "MACs", "r_c", "r_s", "ms", "grey levels (1)"})
    CHECK(has(r.out, head));
  for (const char* name : {"3.2", "4.5", "6"}) {
    CHECK(has(r.out, "\n" + std::string(name) + " "));
    CHECK(has(r.out, "model_" + std::string(name) + ".safetensors"));
  }
  const ProcessResult one =
      run_program({"inspect", (whole / "model_4.5.safetensors").string(), "--json"});
  CHECK(one.exit_code == 0);

  const ProcessResult page = run_program({"report", whole.string()});
  INFO(page.err);
  REQUIRE(page.exit_code == 0);
  const std::string html = read_text(whole / "report.html");
  CHECK(has(html, "<h2>Size and distance</h2>"));
  CHECK(has(html, "whole 4.5: "));
  CHECK(has(html, "whole 4.5</a>"));

  // config.toml repeats it, and it cannot be begun over what it left.
  CHECK(has(read_text(whole / "config.toml"), "budgets = \"3.2,4.5,6\""));
  fs::create_directory(dir / "taken");
  std::ofstream(dir / "taken" / "model_6.safetensors") << "mine";
  const ProcessResult taken =
      run_program({"train", "--config", whole / "config.toml", "--out", dir / "taken"});
  CHECK(taken.exit_code == 1);
  CHECK(has(taken.err, "holds model_6.safetensors already"));

  run_through_kills({7, 12, 250, 40}, [&] {
    return fs::exists(killed / "checkpoint.safetensors")
               ? Words{"train", "--resume", killed.string(), "--threads", "1"}
               : small_run(killed, {"--budgets", "3.2,4.5,6"});
  });
  for (const char* file : {"model_3.2.safetensors", "model_4.5.safetensors", "model_6.safetensors"})
    CHECK(read_text(killed / file) == read_text(whole / file));
}

TEST_CASE("budgets: bytes, MACs and milliseconds are kept together") {
  const TempDir dir;
  const ProcessResult r = run_program(small_run(
      dir / "run", {"--target-ratio", "4", "--target-macs", "300k", "--target-ms", "10000"}));
  INFO(r.err);
  REQUIRE(r.exit_code == 0);
  const ProcessResult costs =
      run_program({"inspect", (dir / "run" / "model.safetensors").string(), "--size", "16"});
  INFO(costs.out);
  CHECK(costs.exit_code == 0);
  CHECK(has(r.err, "10000 ms is what "));
  const ProcessResult hard =
      run_program(small_run(dir / "hard", {"--target-ratio", "4", "--target-macs", "1k"}));
  CHECK(hard.exit_code == 1);
  CHECK(has(hard.err, "--target-macs 1k: one image costs at least "));
}
