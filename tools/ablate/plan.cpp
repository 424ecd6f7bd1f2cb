// Plans ablations; see plan.h.
#include "tools/ablate/plan.h"

#include <algorithm>
#include <map>

#include "engine/error.h"
#include "engine/io/atomic_file.h"
#include "engine/json.h"
#include "engine/path_text.h"
#include "gs/setting_use.h"
#include "gs/train/run_folder.h"
#include "tools/text.h"
#include "tools/values.h"

namespace gsx::tools {

namespace fs = std::filesystem;

namespace {

constexpr const char* kPlan = "ablation.json";

bool is_file(const std::string& method) { return fs::path(method).extension() == ".toml"; }

// Of the flags that were given, why one has no effect in any run so far; empty: it has.
using Idle = std::map<std::string, std::string>;

// What was given of the settings and has an effect in this run.
std::vector<std::string> words_of(const AblationWishes& wishes, const TrainConfig& config,
                                  const Recipe& recipe, Idle& idle) {
  std::vector<std::string> words;
  for (const auto& [flag, given] : wishes.given) {
    std::string why;
    for_each_setting(config, [&, name = flag](const Setting& s, const auto&) {
      if (s.flag() != name) return;
      // The networks of teachers are as wide as was asked, those of students as the budget lets.
      const bool of_teacher = s.use == Use::width && wishes.config.teacher.empty();
      why = why_idle(s, config, recipe);
      if (why.empty() && of_teacher && !recipe.makes("teacher")) why = "is the trained teacher's";
    });
    const auto known = idle.try_emplace(flag, why).first;
    if (!why.empty()) continue;
    known->second.clear();
    words.insert(words.end(), given.begin(), given.end());
  }
  return words;
}

AblationRun teacher_run(const AblationWishes& wishes, uint64_t seed, Idle& idle) {
  AblationRun run;
  run.name = "teacher-s" + std::to_string(seed);
  run.method = "dense";
  run.seed = seed;
  run.folder = wishes.out / "runs" / run.name;
  TrainConfig config = wishes.config;
  config.method = run.method;
  const Recipe recipe = make_recipe(config, false);
  run.steps = recipe.total_steps();
  run.words = {"--method", run.method, "--seed", std::to_string(seed)};
  for (std::string& word : words_of(wishes, config, recipe, idle))
    run.words.push_back(std::move(word));
  return run;
}

AblationRun method_run(const AblationWishes& wishes, const std::string& method, uint64_t seed,
                       std::optional<double> ratio, const AblationRun* teacher, Idle& idle) {
  AblationRun run;
  run.method = is_file(method) ? fs::path(method).stem().string() : method;
  run.ratio = ratio;
  run.seed = seed;
  run.name = run.method + (ratio ? "-r" + number_text(*ratio) : "") + "-s" + std::to_string(seed);
  run.folder = wishes.out / "runs" / run.name;
  TrainConfig config = wishes.config;
  (is_file(method) ? config.recipe : config.method) = method;
  config.target_ratio = ratio;
  run.words = {is_file(method) ? "--recipe" : "--method", method, "--seed", std::to_string(seed)};
  if (teacher)
    run.words.insert(run.words.end(),
                     {"--teacher", (teacher->folder / run_files::kModel).string()});
  if (ratio) run.words.insert(run.words.end(), {"--target-ratio", number_text(*ratio)});
  Recipe recipe = make_recipe(config, false);
  // As it is once its teacher is there, with all that a dense run leaves beside it.
  if (teacher)
    std::erase_if(recipe.stages, [](const StagePlan& stage) { return stage.makes == "teacher"; });
  run.steps = recipe.total_steps();
  for (std::string& word : words_of(wishes, config, recipe, idle))
    run.words.push_back(std::move(word));
  return run;
}

}  // namespace

std::vector<AblationRun> plan_ablation(const AblationWishes& wishes) {
  std::vector<AblationRun> plan;
  Idle idle;
  const bool given = !wishes.config.teacher.empty();
  if (!given)
    for (const uint64_t seed : wishes.seeds) plan.push_back(teacher_run(wishes, seed, idle));
  std::vector<std::optional<double>> ratios(wishes.ratios.begin(), wishes.ratios.end());
  if (ratios.empty()) ratios.emplace_back();
  for (size_t i = 0; i < wishes.seeds.size(); ++i)
    for (const std::string& method : wishes.methods)
      for (const std::optional<double>& ratio : ratios) {
        plan.push_back(
            method_run(wishes, method, wishes.seeds[i], ratio, given ? nullptr : &plan[i], idle));
        if (!given) plan.back().teacher = static_cast<int>(i);
      }
  for (size_t i = 0; i < plan.size(); ++i)
    for (size_t k = 0; k < i; ++k)
      GSX_CHECK(plan[i].name != plan[k].name, "ablate: two runs are called ", plan[i].name,
                "; give every method, seed and ratio once");
  for (const auto& [flag, why] : idle) GSX_CHECK(why.empty(), "ablate: --", flag, " ", why);
  return plan;
}

void keep_plan(const fs::path& folder, const std::vector<AblationRun>& plan) {
  std::error_code error;
  const bool planned = fs::is_regular_file(folder / kPlan, error);
  for (fs::directory_iterator at(folder, error), end; !planned && !error && at != end;
       at.increment(error))
    GSX_CHECK(at->path().filename().string().front() == '.', "ablate: ", folder.string(), " holds ",
              at->path().filename().string(), " but no ablation; choose another --out");
  Json kept = Json::parse_or_null(text_in(folder / kPlan));
  if (!kept.is_object() || !kept.contains("runs")) kept = {{"format", 1}, {"runs", Json::object()}};
  for (const AblationRun& run : plan) {
    Json words = Json::array();
    for (const std::string& word : run.words) words.push_back(to_utf8(word));
    const std::string name = to_utf8(run.name);
    // A run that failed before it made anything may be told anew.
    GSX_CHECK(
        !kept["runs"].contains(name) || kept["runs"][name] == words ||
            !fs::exists(run.folder, error),
        "ablate: ", folder.string(), " holds the run ", run.name,
        " with other settings; go on with those it was started with, or choose another --out");
    kept["runs"][name] = words;
  }
  write_file_atomically(folder / kPlan, kept.dump(1) + "\n");
}

}  // namespace gsx::tools
