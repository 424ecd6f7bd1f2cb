// gsx train as users run it: to the end, killed at random moments and resumed, stopped politely,
// and asked for what cannot be.
#include <csignal>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/cli/kills.h"
#include "tests/temp_dir.h"

namespace fs = std::filesystem;

namespace {

std::vector<std::string> tiny_train(const fs::path& run) {
  return {"train",      "--out",
          run.string(), "--size",
          "16",         "--width",
          "4",          "--blocks",
          "1",          "--batch",
          "1",          "--threads",
          "1",          "--dense-steps",
          "12",         "--slim-steps",
          "12",         "--finetune-steps",
          "12",         "--checkpoint-every",
          "3",          "--sample-every",
          "1000",       "--rho",
          "0.3"};
}

std::string bytes_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  REQUIRE(in.good());
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void check_same_results(const fs::path& a, const fs::path& b) {
  for (const char* name : {"model.safetensors", "teacher.safetensors", "checkpoint.safetensors"}) {
    INFO(name);
    CHECK(bytes_of(a / name) == bytes_of(b / name));
  }
}

// Starts the run, or continues it once there is a checkpoint.
std::vector<std::string> start_or_resume(const fs::path& run) {
  if (!fs::exists(run / "checkpoint.safetensors")) return tiny_train(run);
  return {"train", "--resume", run.string(), "--threads", "1"};
}

}  // namespace

TEST_CASE("a run's config.toml repeats it, and files of settings are checked") {
  const TempDir dir;
  const fs::path first = dir.path() / "first", second = dir.path() / "second";
  REQUIRE(run_program(tiny_train(first)).exit_code == 0);
  const ProcessResult again = run_program(
      {"train", "--config", (first / "config.toml").string(), "--out", second.string()});
  INFO(again.err);
  REQUIRE(again.exit_code == 0);
  check_same_results(first, second);

  const std::string file = (dir.path() / "own.toml").string();
  const auto refused = [&](const std::string& settings, const std::string& why) {
    std::ofstream(file) << settings;
    const ProcessResult r = run_program({"train", "--config", file});
    INFO(r.err);
    CHECK(r.exit_code == 2);
    CHECK(r.err.find(why) != std::string::npos);
  };
  refused("widht = 3\n", "did you mean width?");
  refused("width = \"wide\"\n", "width must be a whole number, got text");
  const ProcessResult absent = run_program({"train", "--config", file + ".not"});
  CHECK(absent.exit_code == 2);
  CHECK(absent.err.find("cannot be read") != std::string::npos);
  const ProcessResult resumed = run_program({"train", "--resume", first.string(), "--lr", "1"});
  CHECK(resumed.exit_code == 2);
  CHECK(resumed.err.find("takes no other settings") != std::string::npos);
}

TEST_CASE("train --json ends with one object that says it all") {
  const TempDir dir;
  std::vector<std::string> arguments = tiny_train(dir.path() / "run");
  arguments.push_back("--json");
  const ProcessResult r = run_program(arguments);
  INFO(r.err);
  REQUIRE(r.exit_code == 0);
  const auto json = nlohmann::json::parse(r.out);
  for (const char* side : {"teacher", "compressed"})
    for (const char* key : {"macs_true", "macs_paper", "file_bytes", "ms_per_image"})
      CHECK(json.at(side).at(key).get<double>() > 0);
  for (const char* key : {"r_s", "r_c", "r_f"}) CHECK(json.at(key).is_number());
  CHECK(json.at("seed") == 1);
  CHECK(json.at("command").get<std::string>().rfind("gsx train --out", 0) == 0);
  const fs::path model = json.at("model").get<std::string>();
  CHECK(fs::file_size(model) == json.at("compressed").at("file_bytes"));
  CHECK(fs::exists(dir.path() / "run" / "log.jsonl"));
  CHECK_FALSE(fs::is_empty(dir.path() / "run" / "samples"));

  const ProcessResult again = run_program(tiny_train(dir.path() / "run"));
  CHECK(again.exit_code == 1);
  CHECK(again.err.find("--resume") != std::string::npos);
}

TEST_CASE("on the built-in images the student is small and paints its teacher's stripes") {
  const TempDir dir;
  ProcessOptions options;
  options.timeout = std::chrono::minutes(20);
  const ProcessResult r =
      run_program({"train", "--out", (dir / "run").string(), "--json"}, options);
  INFO(r.err);
  REQUIRE(r.exit_code == 0);
  const auto json = nlohmann::json::parse(r.out);
  CHECK(json.at("r_c").get<double>() >= 8);
  CHECK(json.at("r_s").get<double>() >= 2);
  CHECK(json.at("shift").at("largest").get<double>() >=
        std::abs(json.at("shift").at("red").get<double>()));
  const auto& stripes = json.at("stripe_energy");
  CHECK(stripes.at("teacher").get<double>() >= 0.3);
  CHECK(stripes.at("student").get<double>() >= 0.8 * stripes.at("teacher").get<double>());
}

TEST_CASE("a run killed at random moments ends with the bytes of an undisturbed one") {
  const TempDir dir;
  const fs::path whole = dir.path() / "whole", killed = dir.path() / "killed";
  REQUIRE(run_program(tiny_train(whole)).exit_code == 0);

  run_through_kills({.seed = 20, .most = 30, .first = 40, .growth = 12},
                    [&] { return start_or_resume(killed); });
  check_same_results(whole, killed);
}

TEST_CASE("SIGTERM and Ctrl-C write a checkpoint, say how to go on, and exit with 1") {
  const TempDir dir;
  const fs::path whole = dir.path() / "whole", stopped = dir.path() / "stopped";
  REQUIRE(run_program(tiny_train(whole)).exit_code == 0);
  for (int signal : {SIGTERM, SIGINT}) {
    ProcessOptions options;
    options.send =
        SignalPlan{signal, std::chrono::milliseconds(0), signal == SIGTERM ? "dense" : "slim"};
    const ProcessResult r = run_program(start_or_resume(stopped), options);
    if (r.exit_code == 0) break;  // it was faster than the signal
    INFO(r.err);
    CHECK(r.exit_code == 1);
    CHECK(r.err.find("gsx train --resume " + stopped.string()) != std::string::npos);
    CHECK(fs::exists(stopped / "checkpoint.safetensors"));
  }
  const ProcessResult end = run_program(start_or_resume(stopped));
  INFO(end.err);
  REQUIRE(end.exit_code == 0);
  check_same_results(whole, stopped);
}

TEST_CASE("train --recipe runs stages of a file, and names what is wrong with one") {
  const TempDir dir;
  const fs::path recipe = dir / "short.toml", run = dir / "run";
  write_text(recipe, "[[stages]]\nkind = \"dense\"\nsteps = 2\nwidth = 4\nblocks = 1\n");
  const auto made = run_program({"train", "--recipe", recipe.string(), "--size", "16", "--batch",
                                 "1", "--threads", "1", "--out", run.string()});
  INFO(made.err);
  CHECK(made.exit_code == 0);
  CHECK(fs::exists(run / "model.safetensors"));
  write_text(recipe, "[[stages]]\nkind = \"dense\"\nsteps = -2\n");
  const auto refused = run_program({"train", "--recipe", recipe.string(), "--out", dir / "other"});
  CHECK(refused.exit_code == 2);
  CHECK(refused.err.find("recipe " + recipe.string() +
                         ": stage 1 (dense): steps must be a whole number from 0 to 100000000, got "
                         "-2") != std::string::npos);
}

TEST_CASE("train refuses what cannot be") {
  const TempDir dir;
  const fs::path run = dir.path() / "run";
  const auto fails = [&](std::vector<std::string> arguments, const std::string& saying) {
    const ProcessResult r = run_program(arguments);
    INFO(r.err);
    CHECK(r.exit_code == 1);
    CHECK(r.err.find(saying) != std::string::npos);
  };
  fails({"train", "--resume", (dir.path() / "nothing").string()}, "nothing");
  fails({"train", "--out", run.string(), "--data", (dir.path() / "absent").string()}, "absent");
  fails({"train", "--out", run.string(), "--teacher", (dir.path() / "no.safetensors").string()},
        "no.safetensors");
  fs::create_directory(dir.path() / "empty");
  fails({"train", "--out", run.string(), "--data", (dir.path() / "empty").string()}, "empty");
  fs::create_directory(dir.path() / "damaged");
  std::ofstream(dir.path() / "damaged" / "checkpoint.safetensors") << "not a checkpoint";
  fails({"train", "--resume", (dir.path() / "damaged").string()}, "checkpoint.safetensors");

  std::vector<std::string> greedy = tiny_train(dir.path() / "greedy");
  greedy[greedy.size() - 2] = "--target-ratio";
  greedy.back() = "100000";
  fails(greedy, "--target-ratio 100000: the file can become at most");
}
