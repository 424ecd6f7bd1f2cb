// Training behind the C interface; see gsx.h.
#include <cstdlib>
#include <cstring>

#include "engine/suggest.h"
#include "gs/setting_use.h"
#include "gs/train/inputs.h"
#include "gs/train/trainer.h"
#include "tools/c/failures.h"

namespace gsx::c {

namespace {

// What gsx_compress takes beside the settings of a run.
struct Run {
  TrainConfig config;
  bool resume = false;
};

template <class T>
T taken(const Json& settings, const char* key, T otherwise) {
  try {
    return settings.value(key, otherwise);
  } catch (const Json::exception&) {
    throw Misuse(std::string("settings: ") + key + " is of another kind than it should be");
  }
}

// Refuses keys that are none, and settings without effect in this run, as gsx train does.
void check_keys(const Json& settings, const TrainConfig& config, bool resume) {
  std::vector<std::string> known = {"out", "resume", "threads", "device", "isa"};
  for_each_setting(config, [&](const Setting& s, const auto&) { known.push_back(s.name); });
  for (const auto& [key, value] : settings.items())
    if (std::find(known.begin(), known.end(), key) == known.end())
      throw Misuse("settings: there is no " + key + did_you_mean(key, known));
  if (resume) {
    for_each_setting(config, [&](const Setting& s, const auto&) {
      if (settings.contains(s.name) && !s.range.may_change)
        throw Misuse("settings: a resumed run goes on as it was started; leave out " + s.name);
    });
    return;
  }
  const Recipe recipe = make_recipe(config, needs_discriminator(config));
  for_each_setting(config, [&](const Setting& s, const auto&) {
    const std::string why = settings.contains(s.name) ? why_idle(s, config, recipe) : "";
    if (!why.empty()) throw Misuse("settings: " + s.name + " " + why);
  });
}

Run read_settings(const char* text) {
  if (text == nullptr) throw Misuse("settings must not be null");
  const Json settings = Json::parse_or_null(text);
  if (!settings.is_object()) throw Misuse("settings must be a JSON object");
  Run run;
  run.resume = taken(settings, "resume", false);
  for_each_setting(run.config, [&](const Setting& s, auto& field) {
    if (!settings.contains(s.name)) return;
    const Json& value = settings.at(s.name);
    const std::string why = s.range.why_not(value);
    if (!why.empty()) throw Misuse("settings: " + s.name + " " + why);
    from_value(value, field);
  });
  run.config.run_dir = taken(settings, "out", std::string());
  if (run.config.run_dir.empty()) throw Misuse("settings: out is required; name the run folder");
  check_keys(settings, run.config, run.resume);
  as_misuse([&] { run.config.check(); });
  ContextOptions options;
  const int threads = taken(settings, "threads", 0);
  if (threads < 0 || threads > 1024)
    throw Misuse("settings: threads must lie in 0 to 1024, got " + std::to_string(threads));
  options.threads = threads;
  const auto device = taken(settings, "device", std::string("cpu"));
  options.device = as_misuse([&] { return parse_device(device); });
  options.isa = taken(settings, "isa", std::string());
  run.config.context = Context::create(options);
  return run;
}

// Hands what happens on to the caller's function.
class Caller : public TrainObserver {
 public:
  Caller(gsx_progress_function function, void* user) : function_(function), user_(user) {
    now_.size = sizeof now_;
    now_.stage = "";
  }
  void progress(const TrainProgress& p) override {
    stage_ = p.stage;
    now_ = {sizeof now_,  stage_.c_str(), p.step,         p.steps,
            p.total_step, p.total_steps,  p.seconds_left, nullptr};
    tell();
  }
  void message(const std::string& text) override {
    now_.message = text.c_str();
    tell();
    now_.message = nullptr;
  }
  void warning(const std::string& text) override { message("warning: " + text); }
  const std::atomic<bool>& stop() const { return stop_; }

 private:
  void tell() {
    if (function_ != nullptr && function_(&now_, user_) != 0) stop_ = true;
  }

  const gsx_progress_function function_;
  void* const user_;
  gsx_progress now_ = {};
  std::string stage_;
  std::atomic<bool> stop_ = false;
};

char* copied(const std::string& text) {
  auto* copy = static_cast<char*>(std::malloc(text.size() + 1));
  if (copy == nullptr) throw std::bad_alloc();
  std::memcpy(copy, text.c_str(), text.size() + 1);
  return copy;
}

}  // namespace

}  // namespace gsx::c

using namespace gsx;

extern "C" {

gsx_status gsx_compress(const char* settings, gsx_progress_function progress, void* user,
                        char** result) {
  bool finished = true;
  const gsx_status status = c::guarded("gsx_compress", [&] {
    if (result == nullptr) throw c::Misuse("result must not be null");
    *result = nullptr;
    const c::Run run = c::read_settings(settings);
    c::Caller caller(progress, user);
    const TrainResult made = train(run.config, run.resume, caller, caller.stop());
    finished = made.finished;
    GSX_CHECK(finished, "stopped on request; the checkpoint is written, so that the run can be ",
              "resumed");
    *result = c::copied(made.to_json().dump());
    GSX_CHECK(made.missed_budget.empty(), made.missed_budget,
              "; the model is written all the same");
  });
  return finished ? status : GSX_STOPPED;
}

void gsx_free(char* text) { std::free(text); }

}  // extern "C"
