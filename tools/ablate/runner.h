// Runs a plan: every run a process of its own, several at once, each going on where it was stopped.
#pragma once
#include <atomic>

#include "engine/json.h"
#include "tools/ablate/plan.h"

namespace gsx::tools {

struct RunOutcome {
  enum class State { waiting, active, done, failed };
  State state = State::waiting;
  std::string why;  // it failed
  Json figures;     // of one that is done
};

struct RunnerOptions {
  int jobs = 1;
  std::vector<std::string> compute;  // words of how to compute, for every run
  std::filesystem::path logs;        // a folder: what runs say on stderr
};

// One outcome for each run of the plan, in its order. Runs that are done already are not started; a
// failed one leaves the others alone, but those that wait for its teacher. When `stop` is set, runs
// write their checkpoints and end.
std::vector<RunOutcome> run_plan(const std::vector<AblationRun>&, const RunnerOptions&,
                                 const std::atomic<bool>& stop);

}  // namespace gsx::tools
