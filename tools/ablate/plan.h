// The runs of an ablation: one teacher per seed, and with it one run per method and budget.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "gs/config.h"

namespace gsx::tools {

struct AblationWishes {
  std::vector<std::string> methods;  // built-in names, or files of recipes (NAME.toml)
  std::vector<uint64_t> seeds;
  std::vector<double> ratios;  // target ratios; empty: every method's own
  TrainConfig config;          // of all runs
  // What was given of it on the command line, as words, by flag.
  std::vector<std::pair<std::string, std::vector<std::string>>> given;
  std::filesystem::path out;
};

struct AblationRun {
  std::string name;    // teacher-s1, gs8-r12-s1
  std::string method;  // of a teacher: dense
  std::optional<double> ratio;
  uint64_t seed = 1;
  int teacher = -1;  // the run whose teacher it takes, by place in the plan; -1: none
  std::filesystem::path folder;
  std::vector<std::string> words;  // settings of gsx train, without --out
  int steps = 0;                   // of all its stages

  bool makes_teacher() const { return method == "dense"; }
};

// Teachers first. Error for methods that are not, or settings that exclude each other.
std::vector<AblationRun> plan_ablation(const AblationWishes&);

// Writes the plan in the folder, where an earlier one may be continued, or extended by further
// runs. Error where the folder holds files but no plan, and where a run of the same name had other
// settings.
void keep_plan(const std::filesystem::path& folder, const std::vector<AblationRun>&);

}  // namespace gsx::tools
