// Stopping a run by signals: hanging up is a way to ask, nohup is respected, and a second signal
// does not wait.
#include <csignal>
#include <regex>

#include "tests/catch.h"
#include "tests/cli/process.h"
#include "tests/temp_dir.h"

namespace fs = std::filesystem;

namespace {

std::vector<std::string> train(const fs::path& run, const std::string& size,
                               const std::string& steps) {
  return {"train", "--out",        run.string(), "--size",
          size,    "--width",      "4",          "--rho",
          "0.3",   "--blocks",     "1",          "--batch",
          "1",     "--threads",    "1",          "--dense-steps",
          steps,   "--slim-steps", "1",          "--finetune-steps",
          "1"};
}

ProcessOptions sending(int signal, const std::string& text) {
  ProcessOptions options;
  options.send = SignalPlan{signal, std::chrono::milliseconds(0), text};
  return options;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("stop: each signal asks for a checkpoint and says what it waits for") {
  for (const int signal : {SIGHUP, SIGTERM, SIGINT}) {
    INFO("signal " << signal);
    const TempDir dir;
    const fs::path run = dir.path() / "run";
    const ProcessResult r =
        run_program(train(run, "16", "1000000"), sending(signal, "dense    1/1000000"));
    INFO(r.err);
    CHECK(r.exit_code == 1);
    const std::regex said(
        "stopping after this step, about [0-9]+ s; again to stop at once without a checkpoint\n");
    CHECK(std::regex_search(r.err, said));
    CHECK(contains(r.err, "the checkpoint is written, continue with: gsx train --resume"));
    CHECK(fs::exists(run / "checkpoint.safetensors"));
  }
}

TEST_CASE("stop: a run under nohup outlives its terminal") {
  const TempDir dir;
  std::vector<std::string> command = {"sh", "-c", "trap '' HUP; exec \"$@\"", "sh", GSX_PROGRAM};
  const std::vector<std::string> words = train(dir.path() / "run", "16", "20");
  command.insert(command.end(), words.begin(), words.end());
  const ProcessResult r = run_process(command, sending(SIGHUP, "dense    1/20"));
  INFO(r.err);
  CHECK(r.exit_code == 0);
  CHECK_FALSE(contains(r.err, "stopping"));
}

TEST_CASE("stop: a second signal ends the run at once") {
  const TempDir dir;
  const fs::path run = dir.path() / "run";
  // A step long enough to be interrupted.
  ProcessOptions options = sending(SIGTERM, "stage    dense");
  options.send->second = SIGINT;
  const ProcessResult r = run_program(train(run, "512", "2"), options);
  INFO(r.err);
  CHECK((r.signal == SIGTERM || r.signal == SIGINT));
  CHECK(contains(r.err, "stopping after this step; again to stop at once without a checkpoint\n"));
  CHECK_FALSE(contains(r.err, "the checkpoint is written"));
}
