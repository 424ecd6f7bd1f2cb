// gsx ablate: methods against each other, over seeds and budgets, in one table.
#include <algorithm>
#include <iostream>
#include <set>
#include <sstream>

#include "engine/io/atomic_file.h"
#include "gs/recipe.h"
#include "gs/train/run_lock.h"
#include "kernels/limits.h"
#include "tools/ablate/figures.h"
#include "tools/commands.h"
#include "tools/numbers.h"
#include "tools/options.h"
#include "tools/outputs.h"
#include "tools/settings.h"
#include "tools/stop.h"
#include "tools/text.h"
#include "tools/values.h"

namespace gsx::tools {

namespace fs = std::filesystem;

namespace {

struct AblateOptions {
  AblationWishes wishes;
  std::string methods, seeds, ratios, preset, out;
  ComputeOptions compute;
  int jobs = 0;
};

// What an ablation decides for its runs.
bool decided_here(const std::string& flag) {
  static const std::set<std::string> kFlags = {
      "method", "recipe", "seed", "target-ratio", "target-macs", "target-ms", "budgets", "rho"};
  return kFlags.count(flag) > 0;
}

std::vector<std::string> split(const std::string& flag, const std::string& list) {
  std::vector<std::string> parts;
  std::istringstream in(list);
  for (std::string part; std::getline(in, part, ',');) parts.push_back(part);
  if (parts.empty() || list.back() == ',') parts.emplace_back();
  for (const std::string& part : parts)
    if (part.empty()) throw Misuse(flag, "expected words with commas between, got " + list);
  return parts;
}

bool makes_student(const std::string& method) {
  TrainConfig config;
  config.method = method;
  return make_recipe(config, false).makes("student");
}

std::vector<std::string> all_methods() {
  std::vector<std::string> names = recipe_names();
  std::erase_if(names, [](const std::string& name) { return !makes_student(name); });
  return names;
}

void check_method(const std::string& method) {
  if (fs::path(method).extension() == ".toml") return;
  const std::vector<std::string> known = recipe_names();
  if (std::find(known.begin(), known.end(), method) == known.end())
    throw Misuse("--methods",
                 "expected names of methods (gsx train --help lists them) or files of recipes "
                 "(NAME.toml), got " +
                     method);
  if (!makes_student(method))
    throw Misuse("--methods", method + " makes a teacher and no student; leave it out");
}

void read_lists(AblateOptions& o) {
  AblationWishes& w = o.wishes;
  if (o.preset == "paper-small") {
    if (o.methods.empty()) w.methods = all_methods();
    if (o.seeds.empty()) o.seeds = "1,2,3";
    if (o.ratios.empty()) o.ratios = "8,16";
  } else if (o.methods.empty()) {
    throw Misuse("--methods", "is required without --preset; give those to compare");
  }
  if (!o.methods.empty()) w.methods = split("--methods", o.methods);
  for (const std::string& method : w.methods) check_method(method);
  for (const std::string& text : split("--seeds", o.seeds.empty() ? "1" : o.seeds)) {
    const auto seed = parse_unsigned(text);
    if (!seed) throw Misuse("--seeds", "expected whole numbers with commas between, got " + text);
    w.seeds.push_back(*seed);
  }
  if (o.ratios.empty()) return;
  for (const std::string& text : split("--ratios", o.ratios)) {
    const auto ratio = parse_number(text);
    if (!ratio || *ratio < 1 || *ratio > 1e6)
      throw Misuse("--ratios", "expected numbers from 1 to 1000000, got " + text);
    w.ratios.push_back(*ratio);
  }
}

// What was given of an option, as words.
std::vector<std::string> words_of(const Option& option) {
  const std::string flag = "--" + option.long_names()[0];
  if (!option.takes_value()) return {flag + (option.is_on() ? "" : "=false")};
  std::vector<std::string> words;
  for (const std::string& value : option.typed()) words.insert(words.end(), {flag, value});
  return words;
}

void read_given(const Command& app, AblateOptions& o, std::vector<std::string>& compute) {
  std::set<std::string> settings;
  for_each_setting(o.wishes.config, [&](const Setting& s, const auto&) {
    if (!s.flag().empty() && !decided_here(s.flag())) settings.insert(s.flag());
  });
  const std::vector<std::string> computing = compute_option_names();
  for (const Option& option : app.options()) {
    if (option.count() == 0 || option.long_names().empty()) continue;
    const std::string name = option.long_names()[0];
    if (settings.count(name)) o.wishes.given.emplace_back(name, words_of(option));
    if (std::find(computing.begin(), computing.end(), name) == computing.end()) continue;
    for (std::string& word : words_of(option)) compute.push_back(std::move(word));
  }
}

std::vector<AblationRun> planned(const AblationWishes& wishes) {
  try {
    return plan_ablation(wishes);
  } catch (const Error& error) {
    const std::string text = error.what(), front = text.substr(0, text.find(": ") + 2);
    throw Misuse(front == "train: " || front == "ablate: " ? text.substr(front.size()) : text);
  }
}

// As many runs at once as there are processors for, each with its share of them.
void share_processors(const AblateOptions& o, RunnerOptions& runner, size_t runs) {
  const int threads = kernels::processors().threads();
  const bool elsewhere = o.compute.device != "cpu";
  runner.jobs = o.jobs > 0  ? o.jobs
                : elsewhere ? 1
                : o.compute.threads > 0
                    ? std::max(1, threads / o.compute.threads)
                    : static_cast<int>(std::min<size_t>(static_cast<size_t>(threads), runs));
  if (o.compute.threads == 0) {
    const int each = std::max(1, threads / runner.jobs);
    runner.compute.insert(runner.compute.end(), {"--threads", std::to_string(each)});
  }
}

void write_results(const fs::path& out, const std::vector<AblationRun>& plan,
                   const std::vector<RunOutcome>& outcomes) {
  const AblationTable table = make_table(plan, outcomes);
  if (table.rows.empty()) return;
  write_file_atomically(out / "table.csv", to_csv(table));
  write_file_atomically(out / "table.md", to_markdown(table));
  write_file_atomically(out / "table.tex", to_latex(table));
  for (const char* key : {"distance", "to_teacher"})
    if (const std::string svg = scatter_svg(table, key); !svg.empty())
      write_file_atomically(out / (std::string("scatter-") + key + ".svg"), svg);
  for (const AblationGrid& grid : make_grids(plan, outcomes)) {
    write_png(out / (grid.name + ".png"), contact_sheet(grid.rows));
    write_file_atomically(out / (grid.name + ".svg"), grid_svg(grid));
  }
  std::cout << to_markdown(table) << "\ntable    " << for_stdout((out / "table.csv").string())
            << ", .md, .tex\nreport   gsx report "
            << for_stdout(shell_quoted((out / "runs").string())) << "/*\n";
  std::cout.flush();
}

// Failures are told together at the end, too: they may lie hours back.
void check_outcomes(const std::vector<AblationRun>& plan, const std::vector<RunOutcome>& outcomes,
                    bool stopped) {
  int failures = 0, missed = 0;
  for (size_t i = 0; i < plan.size(); ++i) {
    missed += outcomes[i].figures.is_object() && outcomes[i].figures.contains("missed_budget");
    if (outcomes[i].state != RunOutcome::State::failed) continue;
    ++failures;
    std::cerr << "failed   " << printable(plan[i].name + ": " + outcomes[i].why) << '\n';
  }
  GSX_CHECK(!stopped, "stopped on request; the same command goes on where the runs are");
  GSX_CHECK(failures == 0, failures, " of ", plan.size(),
            " runs failed, those listed above; the same command tries them again");
  GSX_CHECK(missed == 0, missed, " of ", plan.size(),
            " runs missed their budgets, as the table says; the results are written all the same");
}

void run_ablate(const Command& app, AblateOptions& o) {
  read_lists(o);
  RunnerOptions runner;
  read_given(app, o, runner.compute);
  o.wishes.out = o.out;
  const std::vector<AblationRun> plan = planned(o.wishes);
  share_processors(o, runner, plan.size());
  runner.logs = o.wishes.out / "logs";
  make_output_folder("--out", o.wishes.out);
  const RunLock lock(o.wishes.out, false, {"ablate", "ablation folder"});
  keep_plan(o.wishes.out, plan);
  make_output_folder("--out", o.wishes.out / "runs");
  make_output_folder("--out", runner.logs);
  const std::atomic<bool>& stop = stop_on_signals();
  std::cerr << "runs     " << plan.size() << ", " << runner.jobs << " at once\n";
  const std::vector<RunOutcome> outcomes = run_plan(plan, runner, stop);
  write_results(o.wishes.out, plan, outcomes);
  const bool stopped = std::any_of(outcomes.begin(), outcomes.end(), [](const RunOutcome& r) {
    return r.state == RunOutcome::State::waiting;
  });
  check_outcomes(plan, outcomes, stopped);
}

}  // namespace

void add_ablate(const Command& app) {
  auto o = std::make_shared<AblateOptions>();
  const Command sub =
      app.add_subcommand("ablate", "Compare methods over seeds and budgets, in one table.");
  sub.footer(R"(Examples:
  gsx ablate --preset paper-small --out ablation
  gsx ablate --methods gs32,gs8,mine.toml --seeds 1,2,3 --ratios 8,16 --data horse2zebra --out h2z
The teacher is trained once per seed, unless --teacher gives one, and every method starts from it. Runs
are run folders of gsx train under OUT/runs; the same command goes on where it was stopped or killed,
and further methods, seeds and ratios may be added to it. OUT holds table.csv, .md and .tex, scatter
plots (SVG) and grids of images (PNG, SVG).)");
  const char* group = "Ablation";
  sub.add_option("--methods", o->methods,
                 "methods to compare, with commas between: built-in ones and files of recipes")
      .group(group);
  sub.add_option("--seeds", o->seeds, "one run of each for every seed, with commas between (1)")
      .group(group);
  sub.add_option("--ratios", o->ratios,
                 "target ratios, with commas between (default: every method's own)")
      .group(group);
  sub.add_option(
         "--preset", o->preset,
         "paper-small: all built-in methods, seeds 1,2,3, ratios 8,16, on the built-in images")
      .check(one_of({"paper-small"}))
      .group(group);
  sub.add_option("--out", o->out, "folder of the ablation")->required().group(group);
  sub.add_option("--jobs", o->jobs, "runs at once (0: as many as there are processors for)")
      ->check(whole_number(0, 256))
      .group(group);
  add_settings(sub, o->wishes.config, decided_here);
  add_compute_options(sub, o->compute);
  sub.callback([o, sub] { run_ablate(sub, *o); });
}

}  // namespace gsx::tools
