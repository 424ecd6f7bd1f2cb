// gsx ablate: goes on where it was killed, lives with runs that fail, and writes what it found.
#include <csignal>
#include <nlohmann/json.hpp>
#include <sstream>

#include "engine/io/image.h"
#include "gs/train/run_lock.h"
#include "tests/catch.h"
#include "tests/cli/process.h"
#include "tests/temp_dir.h"

namespace fs = std::filesystem;

namespace {

std::vector<std::string> small_ablation(const fs::path& out, std::vector<std::string> more) {
  std::vector<std::string> words = {"ablate",     "--out",
                                    out.string(), "--size",
                                    "16",         "--width",
                                    "4",          "--blocks",
                                    "1",          "--batch",
                                    "1",          "--threads",
                                    "1",          "--jobs",
                                    "1",          "--dense-steps",
                                    "12",         "--slim-steps",
                                    "20",         "--finetune-steps",
                                    "6",          "--checkpoint-every",
                                    "5"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

size_t count(const std::string& text, const std::string& word) {
  size_t n = 0;
  for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++n;
  return n;
}

std::vector<std::vector<std::string>> csv(const fs::path& file) {
  std::vector<std::vector<std::string>> rows;
  std::istringstream in(read_text(file));
  for (std::string line; std::getline(in, line);) {
    rows.emplace_back();
    std::istringstream fields(line);
    for (std::string field; std::getline(fields, field, ',');) rows.back().push_back(field);
  }
  return rows;
}

}  // namespace

TEST_CASE("an ablation goes on where it was killed or stopped, and ends with the same models") {
  const TempDir dir;
  const std::vector<std::string> what = {"--methods", "gs8,distill", "--seeds",
                                         "1,2",       "--ratios",    "3"};
  const fs::path whole = dir / "whole", broken = dir / "broken";
  const ProcessResult undisturbed = run_program(small_ablation(whole, what));
  INFO(undisturbed.err);
  REQUIRE(undisturbed.exit_code == 0);

  for (const int signal : {SIGKILL, SIGTERM, SIGTERM}) {
    ProcessOptions options;
    options.send = SignalPlan{signal, std::chrono::milliseconds(0), "done     "};
    const ProcessResult r = run_program(small_ablation(broken, what), options);
    INFO(r.err);
    if (signal == SIGKILL) CHECK(r.signal == SIGKILL);
    else if (r.exit_code != 0) CHECK(r.err.find("the same command goes on") != std::string::npos);
  }
  const ProcessResult end = run_program(small_ablation(broken, what));
  INFO(end.err);
  REQUIRE(end.exit_code == 0);
  CHECK(end.err.find("runs are done already") != std::string::npos);
  for (const char* run :
       {"teacher-s1", "teacher-s2", "gs8-r3-s1", "gs8-r3-s2", "distill-r3-s1", "distill-r3-s2"}) {
    INFO(run);
    CHECK(read_text(whole / "runs" / run / "model.safetensors") ==
          read_text(broken / "runs" / run / "model.safetensors"));
  }

  const auto rows = csv(whole / "table.csv");
  REQUIRE(rows.size() == 4);
  CHECK(rows[0][4] == "r_c_mean");
  CHECK(rows[1][0] == "teacher");
  CHECK(rows[2][0] == "gs8");
  CHECK(rows[3][0] == "distill");
  double sum = 0;
  for (const char* run : {"gs8-r3-s1", "gs8-r3-s2"})
    sum += nlohmann::json::parse(read_text(whole / "runs" / run / "figures.json"))
               .at("r_c")
               .get<double>();
  CHECK(std::stod(rows[2][4]) == Approx(sum / 2));
  CHECK(rows[2][2] == "2");
  CHECK(count(undisturbed.out, "| gs8 | 3 | 2 |") == 1);
  CHECK(count(read_text(whole / "table.tex"), "\\pm") > 10);
  CHECK(count(read_text(whole / "scatter-to_teacher.svg"), "<circle class=\"dot\" r=\"4\"") == 6);
  const std::string grid = read_text(whole / "grid-r3.svg");
  CHECK(count(grid, "<image ") == 4 * 4);  // photo, teacher and two methods of four photos
  const gsx::Image png = gsx::read_image(whole / "grid-r3.png");
  CHECK(png.width == 4 + 4 * (16 + 4));

  // Nothing is left to do; other settings are another ablation.
  const ProcessResult again = run_program(small_ablation(whole, what));
  CHECK(again.exit_code == 0);
  CHECK(again.err.find("6 of 6 runs are done already") != std::string::npos);
  {
    const gsx::RunLock held(whole, false);
    const ProcessResult second = run_program(small_ablation(whole, what));
    CHECK(second.exit_code == 1);
    CHECK(second.err.find("ablate: process") != std::string::npos);
    CHECK(second.err.find("is at work in the ablation folder") != std::string::npos);
  }
  const ProcessResult other = run_program(
      small_ablation(whole, {"--methods", "gs8", "--seeds", "1", "--ratios", "3", "--beta", "3"}));
  CHECK(other.exit_code == 1);
  CHECK(other.err.find("holds the run gs8-r3-s1 with other settings") != std::string::npos);
  // But for a run that left nothing.
  fs::remove_all(whole / "runs" / "gs8-r3-s1");
  const ProcessResult anew = run_program(
      small_ablation(whole, {"--methods", "gs8", "--seeds", "1", "--ratios", "3", "--beta", "3"}));
  CHECK(anew.exit_code == 0);
}

TEST_CASE("a run that fails does not end an ablation, and is told of at its end") {
  const TempDir dir;
  const ProcessResult r = run_program(
      small_ablation(dir / "out", {"--methods", "gs8", "--seeds", "1", "--ratios", "1000,3"}));
  INFO(r.err);
  CHECK(r.exit_code == 1);
  CHECK(r.err.find("failed   gs8-r1000-s1: --target-ratio 1000: the file can become at most") !=
        std::string::npos);
  CHECK(r.err.find("1 of 3 runs failed") != std::string::npos);
  CHECK(csv(dir / "out" / "table.csv").size() == 3);

  const ProcessResult no_teacher = run_program(
      small_ablation(dir / "other", {"--methods", "gs8", "--data", (dir / "nowhere").string()}));
  CHECK(no_teacher.exit_code == 1);
  CHECK(no_teacher.err.find("gs8-s1 failed: its teacher, the run teacher-s1, failed") !=
        std::string::npos);
  CHECK_FALSE(fs::exists(dir / "other" / "table.csv"));

  // The preset's plan: three teachers, and of every method three seeds at two ratios.
  const ProcessResult preset =
      run_program({"ablate", "--preset", "paper-small", "--out", (dir / "preset").string(),
                   "--data", (dir / "nowhere").string()});
  CHECK(preset.exit_code == 1);
  const auto plan = nlohmann::json::parse(read_text(dir / "preset" / "ablation.json")).at("runs");
  CHECK(plan.contains("gs8-r16-s3"));
  CHECK(plan.contains("gs32-r8-s1"));
  CHECK(plan.size() >= 3 + 6 * 3);
  CHECK(plan.size() % 6 == 3);
}

TEST_CASE("ablate refuses what makes no sense before it makes anything") {
  const TempDir dir;
  const auto refused = [&](std::vector<std::string> words, const std::string& why) {
    const ProcessResult r = run_program(small_ablation(dir / "out", std::move(words)));
    INFO(r.err);
    CHECK(r.exit_code == 2);
    CHECK(r.err.find(why) != std::string::npos);
    CHECK_FALSE(fs::exists(dir / "out"));
  };
  refused({}, "--methods: is required without --preset");
  refused({"--methods", "gs8,dense"}, "--methods: dense makes a teacher and no student");
  refused({"--methods", "gs9"}, "--methods: expected names of methods");
  refused({"--methods", "gs8,"}, "--methods: expected words with commas between, got gs8,");
  refused({"--methods", "gs8,gs8"}, "two runs are called gs8-s1");
  refused({"--methods", "gs8", "--seeds", "one"}, "--seeds: expected whole numbers");
  refused({"--methods", "gs8", "--ratios", "0.5"}, "--ratios: expected numbers from 1");
  refused({"--methods", (dir / "absent.toml").string()}, "absent.toml");

  // A setting without effect in any of the runs; in some of them it may.
  refused({"--methods", "cp", "--seeds", "1", "--beta", "3"}, "--beta has no effect here");
  refused({"--methods", "cec", "--seeds", "1", "--beta", "3"}, "--beta has no effect here");
  refused({"--methods", "gs32", "--seeds", "1", "--act-range", "4"},
          "--act-range has no effect here");
  refused({"--methods", "gs32", "--teacher", "teacher.safetensors"}, "--blocks has no effect here");

  write_text(dir / "mine.txt", "mine");
  const ProcessResult mine = run_program(small_ablation(dir.path(), {"--methods", "gs8"}));
  CHECK(mine.exit_code == 1);
  CHECK(mine.err.find("holds mine.txt but no ablation; choose another --out") != std::string::npos);
  CHECK(std::distance(fs::directory_iterator(dir.path()), fs::directory_iterator()) == 1);
}
