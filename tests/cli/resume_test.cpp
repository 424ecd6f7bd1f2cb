// Run folders as users meet them: two processes at once, another working folder, moved inputs.
#include <signal.h>

#include <algorithm>
#include <fstream>
#include <future>
#include <set>
#include <thread>

#include "tests/catch.h"
#include "tests/cli/process.h"
#include "tests/temp_dir.h"

namespace fs = std::filesystem;

namespace {

using Arguments = std::vector<std::string>;

// A run of a few steps, with `more` and whichever of the usual settings has an effect then.
Arguments tiny_train(const Arguments& more) {
  const auto has = [&](const char* word) {
    return std::find(more.begin(), more.end(), word) != more.end();
  };
  Arguments a = {"train", "--size", "16", "--batch", "1", "--threads", "1"};
  if (!has("--teacher")) a.insert(a.end(), {"--blocks", "1", "--dense-steps", "2"});
  if (!has("dense")) a.insert(a.end(), {"--finetune-steps", "2", "--rho", "0.3"});
  a.insert(a.end(), more.begin(), more.end());
  return a;
}

bool wait_for(const fs::path& file) {
  for (int i = 0; i < 3000 && !fs::exists(file); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  return fs::exists(file);
}

}  // namespace

TEST_CASE("a run folder is for one process; the second is told which") {
  const TempDir dir;
  const fs::path run = dir / "run";
  auto first = std::async(std::launch::async, [&] {
    return run_program(tiny_train({"--width", "4", "--slim-steps", "100000000", "--out", run}));
  });
  REQUIRE(wait_for(run / "checkpoint.safetensors"));
  const std::string holder = read_text(run / ".lock");
  for (const char* how : {"--out", "--resume"}) {
    const auto second = run_program({"train", how, run.string()});
    INFO(second.err);
    CHECK(second.exit_code == 1);
    CHECK(second.err.find("process " + holder + " is at work") != std::string::npos);
  }
  kill(std::stoi(holder), SIGTERM);
  const auto stopped = first.get();
  INFO(stopped.err);
  CHECK(stopped.exit_code == 1);
  CHECK(stopped.err.find("--resume") != std::string::npos);
  CHECK_FALSE(fs::exists(run / ".lock"));
  const auto again = run_program({"train", "--out", run.string()});
  CHECK(again.err.find("holds a run already") != std::string::npos);
}

TEST_CASE("runs that start at the same time get folders of their own") {
  const TempDir dir;
  ProcessOptions there;
  there.folder = dir.path();
  std::vector<std::future<ProcessResult>> runs;
  for (int i = 0; i < 3; ++i)
    runs.push_back(std::async(std::launch::async, [&] {
      return run_program(tiny_train({"--width", "4", "--slim-steps", "2"}), there);
    }));
  for (auto& run : runs) CHECK(run.get().exit_code == 0);
  for (const char* name : {"gs8-1", "gs8-2", "gs8-3"})
    CHECK(fs::exists(dir / "runs" / name / "model.safetensors"));

  // A run that cannot begin leaves none.
  CHECK(run_program({"train", "--size", "30"}, there).exit_code == 1);
  CHECK_FALSE(fs::exists(dir / "runs" / "gs8-4"));
}

TEST_CASE("resuming takes moved inputs and how often to write, from any working folder") {
  const TempDir dir;
  ProcessOptions there;
  there.folder = dir.path();
  REQUIRE(run_program(tiny_train({"--method", "dense", "--width", "4", "--out", "dense"}), there)
              .exit_code == 0);
  const Arguments given = tiny_train({"--slim-steps", "3", "--teacher", "dense/model.safetensors"});
  Arguments whole = given;
  whole.insert(whole.end(), {"--out", "whole"});
  REQUIRE(run_program(whole, there).exit_code == 0);

  Arguments part = given;
  part.insert(part.end(), {"--out", "part", "--checkpoint-every", "1"});
  ProcessOptions stopped = there;
  stopped.send = SignalPlan{SIGTERM, std::chrono::milliseconds(0), "slim"};
  run_program(part, stopped);
  fs::rename(dir / "dense", dir / "moved");
  const auto resumed =
      run_program({"train", "--resume", dir / "part", "--teacher",
                   dir / "moved" / "model.safetensors", "--sample-every", "7", "--threads", "1"});
  INFO(resumed.err);
  CHECK(resumed.exit_code == 0);
  CHECK(read_text(dir / "part" / "model.safetensors") ==
        read_text(dir / "whole" / "model.safetensors"));
  const auto data = run_program({"train", "--resume", dir / "part", "--data", dir.path()});
  CHECK(data.exit_code == 1);
  CHECK(data.err.find("was started without --data") != std::string::npos);
}
