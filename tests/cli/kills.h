// Training that is killed at random moments, and goes on, until it ends.
#pragma once
#include <csignal>
#include <functional>
#include <random>

#include "tests/catch.h"
#include "tests/cli/process.h"

struct KillPlan {
  uint32_t seed;
  int most;                // kills; later attempts are left alone
  unsigned first, growth;  // a kill comes within `first` ms, `growth` later in every attempt
  std::filesystem::path folder = {};  // as ProcessOptions has it
};

// Runs what `words` asks for until it ends by itself, with 0, after three kills or more.
// `after`: called behind every attempt.
inline void run_through_kills(
    const KillPlan& plan, const std::function<std::vector<std::string>()>& words,
    const std::function<void()>& after = [] {}) {
  std::mt19937 random(plan.seed);
  int kills = 0;
  for (unsigned attempt = 0;; ++attempt) {
    REQUIRE(attempt < 200);
    ProcessOptions options;
    options.folder = plan.folder;
    // Later attempts live longer, so that the run ends.
    if (kills < plan.most)
      options.send = SignalPlan{
          SIGKILL, std::chrono::milliseconds(10 + random() % (plan.first + plan.growth * attempt))};
    const ProcessResult r = run_program(words(), options);
    after();
    if (r.signal == SIGKILL) {
      ++kills;
      continue;
    }
    INFO(r.err);
    REQUIRE(r.exit_code == 0);
    break;
  }
  CHECK(kills >= 3);
}
