// Runs the gsx program as users do: arguments in, exit code and both outputs back, with a timeout
// and a signal at a chosen moment.
#pragma once
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

// When to send a signal: `after` the program started or, when `text` is given, after that text has
// been seen on either output.
struct SignalPlan {
  int signal = 0;
  std::chrono::milliseconds after{0};
  std::string text = {};
  int second = 0;  // another one, sent right after
};

struct ProcessOptions {
  std::filesystem::path folder = {};                                  // current folder; empty: ours
  std::vector<std::pair<std::string, std::string>> environment = {};  // added to ours
  std::chrono::milliseconds timeout{60000};                           // then SIGKILL
  std::optional<SignalPlan> send = {};
};

struct ProcessResult {
  int exit_code = -1;  // -1: ended by a signal
  int signal = 0;      // the one that ended it; 0: none
  bool timed_out = false;
  std::string out, err;
};

// Any program; it is looked up in PATH unless it has a slash. Throws when it cannot be started.
ProcessResult run_process(const std::vector<std::string>& command, const ProcessOptions& = {});

// The gsx program of this build.
ProcessResult run_program(const std::vector<std::string>& arguments, const ProcessOptions& = {});
