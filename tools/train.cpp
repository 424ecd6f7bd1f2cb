// gsx train: makes a small, fast, faithful generator out of a large one.
#include <filesystem>
#include <iostream>
#include <map>
#include <set>

#include "engine/io/atomic_file.h"
#include "engine/path_text.h"
#include "gs/setting_use.h"
#include "gs/train/inputs.h"
#include "gs/train/run_folder.h"
#include "gs/train/trainer.h"
#include "tools/commands.h"
#include "tools/config_file.h"
#include "tools/network.h"
#include "tools/options.h"
#include "tools/progress.h"
#include "tools/settings.h"
#include "tools/stop.h"
#include "tools/tensorboard.h"
#include "tools/text.h"
#include "tools/train_summary.h"

namespace gsx::tools {

namespace fs = std::filesystem;

namespace {

struct TrainOptions {
  TrainConfig config;
  ComputeOptions compute;
  std::string out, resume, config_file;
  bool json = false, tensorboard = false;
  std::set<std::string> typed;  // flags of settings on the command line
  bool old_file = false;        // the file of settings is of gsx 0.1.0
  bool made_runs = false;       // the folder of run folders is this run's making
};

// Adds a run's own options, which are no settings of what it computes.
void add_run_options(const Command& app, TrainOptions& o) {
  app.add_option("--out", o.out, "run folder (default: a new one under runs/)")->group("Run");
  app.add_option(
         "--resume", o.resume,
         "continue the run in this folder; takes no other settings than where its inputs lie "
         "now (--data, --teacher, --feature-net) and how often it writes")
      ->group("Run");
  app.add_option("--config", o.config_file,
                 "settings from a TOML file, named as these flags, which win over it; a run folder "
                 "holds its own as config.toml")
      ->group("Run");
  app.add_flag("--tensorboard", o.tensorboard,
               "write event files for TensorBoard, into the folder tensorboard of the run's")
      ->group("Run");
  app.add_flag("--json", o.json, "print the result as one JSON object")->group("Run");
}

constexpr const char* kRuns = "runs";

// runs/METHOD-1, runs/METHOD-2, ...: the first that nobody had, made.
fs::path new_run_dir(const std::string& method) {
  std::error_code error = make_folders(kRuns);
  for (int i = 1;; ++i) {
    const fs::path dir = fs::path(kRuns) / (method + "-" + std::to_string(i));
    if (fs::create_directory(dir, error)) return dir;
    std::error_code ignored;
    GSX_CHECK(fs::exists(fs::symlink_status(dir, ignored)), "train: cannot make the run folder ",
              dir.string(), ": ", error.message(), "; choose another with --out");
  }
}

// What may be said when resuming: how to compute, where the inputs lie now and how often to write,
// not what.
std::vector<std::string> allowed_on_resume(const TrainConfig& c) {
  std::vector<std::string> names = {"resume", "json", "tensorboard"};
  for (const std::string& name : compute_option_names()) names.push_back(name);
  for_each_setting(c, [&](const Setting& s, const auto&) {
    if (s.range.may_change) names.push_back(s.flag());
  });
  return names;
}

// The flags of settings that were given, on the command line or by a file.
std::set<std::string> given_settings(const Command& app, const TrainConfig& c) {
  std::set<std::string> flags;
  for_each_setting(c, [&](const Setting& s, const auto&) {
    if (!s.flag().empty() && app.count("--" + s.flag()) > 0) flags.insert(s.flag());
  });
  return flags;
}

// What a run would do, before anything is made: whatever contradicts itself is misuse.
Recipe checked_recipe(const TrainConfig& c) {
  return as_misuse("train: ", [&] {
    Recipe recipe = make_recipe(c, needs_discriminator(c));
    check_needs(c, recipe);
    return recipe;
  });
}

// Refuses settings that were given in vain. A file may hold such where they say the default.
void refuse_idle_settings(const Command& app, const TrainOptions& o, const Recipe& recipe) {
  const std::set<std::string> given = given_settings(app, o.config);
  const Json now = o.config.to_json();
  Json defaults = TrainConfig().to_json();
  defaults["distance"] = "perceptual";  // in files of before the methods had distances of their own
  for_each_setting(o.config, [&](const Setting& s, const auto&) {
    const std::string why = why_idle(s, o.config, recipe), flag = "--" + s.flag();
    if (why.empty() || !given.count(s.flag())) return;
    if (o.typed.count(s.flag())) throw Misuse(flag, why);
    const bool chosen = now.value(s.name, Json()) != defaults.value(s.name, Json());
    if (chosen && !o.old_file) throw Misuse("--config " + o.config_file, s.flag() + " " + why);
  });
}

void finish_config(const Command& app, TrainOptions& o) {
  TrainConfig& c = o.config;
  if (!o.resume.empty()) {
    const auto others = given_beside(app, allowed_on_resume(c));
    if (!others.empty()) {
      throw Misuse("--resume", "takes no other settings, got " + others[0] +
                                   "; the run goes on as it was started");
    }
  }
  check_model("--teacher", c.teacher);
  check_second_input(c.second_input, true);
  if (!c.without_discriminator()) check_model("--discriminator", c.discriminator);
  check_model("--feature-net", c.feature_net);
  if (!o.resume.empty()) {
    c.context = o.compute.context();
    c.run_dir = o.resume;
    return;
  }
  const Recipe recipe = checked_recipe(c);
  refuse_idle_settings(app, o, recipe);
  c.context = o.compute.context();
  std::error_code ignored;
  o.made_runs = o.out.empty() && !fs::exists(kRuns, ignored);
  c.run_dir = o.out.empty() ? new_run_dir(from_utf8(recipe.name)) : fs::path(o.out);
}

// Also tells what is run, and leaves a new run's settings beside its results: `gsx train --config`
// repeats it.
class RunPrinter : public ProgressPrinter {
 public:
  RunPrinter(const Command& app, const TrainOptions& o, const std::string& device)
      : app_(app), device_(device) {
    if (o.tensorboard) events_.emplace(o.config.run_dir / "tensorboard");
  }
  void begins(const TrainConfig& c) override {
    seed_ = c.seed;
    remember_files(c);
    message("command  " + command_line() + "   (gsx " GSX_VERSION ", seed " +
            std::to_string(c.seed) + ")");
    message("run      " + c.run_dir.string());
    message("device   " + device_);
    if (c.without_discriminator())
      message("judge    none: students learn from their distance to the teacher alone");
    warn_of_emulation(*c.context);
  }
  void started(const fs::path& folder) override {
    std::string text = config_text(app_, run_, {"out", "json", "tensorboard", "config"}, files_);
    if (app_.count("--seed") == 0) text += "seed = " + std::to_string(seed_) + "\n";
    write_file_atomically(folder / run_files::kConfig, text);
  }
  void progress(const TrainProgress& p) override {
    tell_step_time(p.seconds_per_step);
    ProgressPrinter::progress(p);
  }
  void logged(const Json& line) override {
    if (events_) events_->add(line);
  }
  void sampled(const Image& sheet, const std::string& stage, int total_step) override {
    if (events_) events_->add(sheet, stage, total_step);
  }
  uint64_t seed() const { return seed_; }  // the run's, which a resumed one brings along

 private:
  // Files of settings name other files so that they are found from any folder, and the recipe where
  // the run keeps it.
  void remember_files(const TrainConfig& c) {
    files_ = {{"teacher", c.teacher},
              {"discriminator", c.discriminator},
              {"data", c.data},
              {"second-input", c.second_input},
              {"feature-net", c.feature_net}};
    std::error_code ignored;
    run_ = fs::absolute(c.run_dir, ignored).lexically_normal();
    if (!run_.has_filename()) run_ = run_.parent_path();
    files_["recipe"] = (run_ / run_files::kRecipe).string();
  }

  const Command app_;
  const std::string device_;
  std::optional<EventFiles> events_;
  uint64_t seed_ = 0;
  fs::path run_;                              // absolute
  std::map<std::string, std::string> files_;  // by flag
};

// Folders that were made for a run which could not begin go again.
TrainResult run_in_folder(const TrainOptions& o, RunPrinter& printer,
                          const std::atomic<bool>& stop_requested) {
  try {
    check_links(o.resume.empty() ? "--out" : "--resume", o.config.run_dir);
    return train(o.config, !o.resume.empty(), printer, stop_requested);
  } catch (...) {
    std::error_code ignored;
    if (o.out.empty() && o.resume.empty()) fs::remove(o.config.run_dir, ignored);
    if (o.made_runs) fs::remove(kRuns, ignored);  // no other run's, or it stays
    throw;
  }
}

void run_train(const Command& app, TrainOptions& o) {
  o.typed = given_settings(app, o.config);
  if (!o.config_file.empty()) o.old_file = read_config_file(app, o.config_file);
  finish_config(app, o);
  const std::atomic<bool>& stop_requested = stop_on_signals();
  const std::string device = device_text(*o.config.context);
  RunPrinter printer(app, o, device);
  const TrainResult result = run_in_folder(o, printer, stop_requested);
  printer.clear_line();
  if (!result.finished) {
    fail("stopped on request; the checkpoint is written, continue with: gsx train --resume ",
         o.config.run_dir.string());
  }
  if (o.json) {
    Json json = result.to_json();
    json["seed"] = printer.seed();
    json["command"] = command_line();
    json["device"] = device;
    print_json(json);
  } else {
    print_summary(result);
    std::cout << "device   " << device << std::endl;
  }
  GSX_CHECK(result.missed_budget.empty(), result.missed_budget,
            "; the model is written all the same");
}

}  // namespace

std::shared_ptr<void> add_train(const Command& app) {
  auto o = std::make_shared<TrainOptions>();
  const Command sub =
      app.add_subcommand("train", "Compress a generator (and train one first, if none is given).");
  sub.footer(R"(Examples:
  gsx train
      the whole story on built-in images, in a few minutes
  gsx train --teacher fast_style:wave.safetensors --data photos --target-ratio 16
  gsx train --method dense --data horse2zebra --size 128
  gsx train --resume runs/gs8-1)");
  add_settings(sub, o->config);
  add_run_options(sub, *o);
  add_compute_options(sub, o->compute);
  sub.callback([o, sub] { run_train(sub, *o); });
  return o;
}

}  // namespace gsx::tools
