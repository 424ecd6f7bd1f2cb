// Runs a recipe's stages over one loop; see trainer.h.
#include "gs/train/trainer.h"

#include <chrono>
#include <map>
#include <sstream>

#include "engine/io/atomic_file.h"
#include "gs/recipe_file.h"
#include "gs/train/eta.h"
#include "gs/train/evaluation.h"
#include "gs/train/run_lock.h"
#include "gs/train/run_log.h"
#include "gs/train/start.h"

namespace gsx {

namespace fs = std::filesystem;

namespace {

constexpr int kLogEvery = 10;
constexpr int kSampled = 4;  // photos on a sample sheet
constexpr int kEvery = 200;  // steps between checkpoints and between sample sheets, unless given

fs::path checkpoint_of(const TrainConfig& c) { return c.run_dir / run_files::kCheckpoint; }

// Where there is nothing to go on from.
void check_checkpoint(const TrainConfig& c) {
  const fs::path file = checkpoint_of(c), previous = previous_checkpoint(file);
  std::error_code ignored;
  if (fs::exists(file, ignored)) return;
  GSX_CHECK(!fs::exists(previous, ignored), "train: the run folder ", c.run_dir.string(),
            " has lost its checkpoint; rename ", previous.string(), " to ",
            file.filename().string(), " to go on from the one before it");
  fail("train: the folder ", c.run_dir.string(), " holds no checkpoint to go on from; start a run ",
       "with --out instead of --resume");
}

void write_every(TrainConfig& c) {
  if (!c.checkpoint_every) c.checkpoint_every = kEvery;
  if (!c.sample_every) c.sample_every = kEvery;
}

// Checkpoints of gsx 0.1.0 hold none: their settings tell it.
Recipe saved_recipe(const TrainConfig& c, const StateReader& in) {
  if (in.meta().contains("recipe")) {
    const Json& saved = in.meta().at("recipe");
    Recipe recipe = Recipe::from_json(saved);
    // Before there was the key one distance was every stage's.
    for (size_t i = 0; i < recipe.stages.size(); ++i)
      if (!saved.at("stages")[i].contains("distance"))
        recipe.stages[i].distance = c.distance.value_or("perceptual");
    return recipe;
  }
  TrainConfig as_then = c;
  as_then.prune_by = "norm";  // there was no other way
  as_then.importance = "scale";
  return make_recipe(as_then, in.meta().at("need_critic").get<bool>());
}

// Of the teacher that is given; where it tells a size, that is the run's unless another was chosen.
std::optional<TeacherTraits> look_at_teacher(TrainConfig& c) {
  if (c.teacher.empty()) return std::nullopt;
  const TeacherTraits traits =
      given_teacher_traits(c, c.context ? c.context : Context::create({.threads = 1}));
  if (!c.size && traits.side > 0) c.size = traits.side;
  return traits;
}

class Run {
 public:
  Run(const TrainConfig& config, const TeacherTraits* traits, RunBeginning& beginning,
      TrainObserver& observer, const std::atomic<bool>& stop);
  Run(const TrainConfig& config, const StateReader& in, bool new_teacher, TrainObserver& observer,
      const std::atomic<bool>& stop);
  TrainResult go();

 private:
  void open_folder(int last_logged);
  StagePtr start_stage();
  bool run_stage();  // false: stopped
  void after_step(const Losses&, double seconds);
  void report(const Losses&);
  void write_samples(bool stage_done);
  void judge(const ImageRows&);
  void write_checkpoint();
  void write_figures(const TrainResult&) const;
  std::string label() const { return state_.recipe.label(state_.recipe.stages[at_]); }
  std::string written_members() const;

  const std::atomic<bool>& stop_;
  RunState state_;
  size_t at_ = 0;       // which stage
  int step_ = 0;        // steps done of it
  int total_step_ = 0;  // steps done of all
  double seconds_ = 0;  // per step of this stage, recently
  double spent_ = 0;    // seconds in steps, of resumed runs too
  std::vector<StagePrice> prices_;
  Json marks_;  // of the given networks
  // What was told of the student's images when its last stage ended, by members of a family.
  std::map<int, std::string> astray_;
  std::vector<Tensor> sources_;
  StagePtr stage_;
  std::unique_ptr<RunLog> log_;
};

Run::Run(const TrainConfig& config, const TeacherTraits* traits, RunBeginning& beginning,
         TrainObserver& observer, const std::atomic<bool>& stop)
    : stop_(stop),
      state_(make_run_state(config, make_recipe(config, needs_discriminator(config)), observer,
                            traits)) {
  const bool need_discriminator = needs_discriminator(config);
  const Inputs inputs = open_inputs(state_, need_discriminator);
  check_start(state_, inputs);
  observer.message("check    one step of every stage, on few images");
  rehearse(state_, inputs, need_discriminator, beginning.folder() / "rehearsal");
  adopt(state_, inputs, need_discriminator, beginning.folder());
  marks_ = marks_of(state_, inputs);
  if (!config.recipe.empty())
    write_file_atomically(beginning.folder() / run_files::kRecipe,
                          named_recipe_text(config.recipe, state_.recipe.name));
  observer.started(beginning.folder());
  beginning.place();
  stage_ = start_stage();
  write_checkpoint();
  beginning.done();
  open_folder(-1);
}

Run::Run(const TrainConfig& config, const StateReader& in, bool new_teacher,
         TrainObserver& observer, const std::atomic<bool>& stop)
    : stop_(stop),
      state_(make_run_state(config, saved_recipe(config, in), observer)),
      at_(in.meta().at("stage").get<size_t>()),
      step_(in.meta().at("step").get<int>()),
      marks_(in.meta().value("marks", Json::object())) {
  const auto& stages = state_.recipe.stages;
  GSX_CHECK(at_ < stages.size() && step_ >= 0 && step_ <= stages[at_].steps, "checkpoint: stage ",
            at_, " step ", step_, " is not part of this run");
  for (size_t i = 0; i < at_; ++i) total_step_ += stages[i].steps;
  total_step_ += step_;
  state_.data.restore(in.meta().at("data"));
  state_.seconds_drawn = in.meta().value("seconds_drawn", int64_t{0});
  state_.data.check();
  if (in.meta().contains("artifacts"))
    state_.artifacts = artifacts_from_json(config.run_dir, in.meta().at("artifacts"));
  state_.artifacts.restore_cuts(in, state_.context);
  state_.time_macs = in.meta().value("time_macs", 0.0);
  check_marks(state_, marks_, new_teacher);
  open_folder(total_step_);
  stage_ = stage_kind(stages[at_].kind).resume(state_, stages[at_], in);
}

void Run::open_folder(int last_logged) {
  const fs::path samples = state_.file(run_files::kSamples);
  const std::error_code error = make_folders(samples);
  GSX_CHECK(!error, "train: cannot make the folder ", samples.string(), ": ", error.message());
  log_ = std::make_unique<RunLog>(state_.file(run_files::kLog), last_logged);
  spent_ = log_->seconds();
  sources_ = state_.data.held_out(Domain::a, kSampled);
}

StagePtr Run::start_stage() {
  const StagePlan& plan = state_.recipe.stages[at_];
  return stage_kind(plan.kind).start(state_, plan);
}

TrainResult Run::go() {
  const auto& stages = state_.recipe.stages;
  for (;;) {
    state_.observer.message("stage    " + label());
    if (!run_stage()) {
      write_checkpoint();
      return {};
    }
    write_checkpoint();  // whatever becomes of what follows, the stage's steps are done
    stage_->finish();
    write_samples(true);
    if (at_ + 1 == stages.size()) break;
    ++at_;
    stage_ = start_stage();
    step_ = 0;
    seconds_ = 0;
    write_checkpoint();
  }
  write_checkpoint();
  stage_.reset();  // its memory is wanted for the evaluation
  TrainResult result = evaluate_run(state_);
  for (size_t i = 0; i < result.members.size(); ++i)
    result.members[i].astray = astray_[static_cast<int>(i) + 1];
  result.astray = astray_[state_.recipe.members()];
  result.finished = true;
  write_figures(result);
  return result;
}

bool Run::run_stage() {
  while (step_ < stage_->plan().steps) {
    if (stop_) return false;
    const auto start = std::chrono::steady_clock::now();
    const Losses losses = stage_->step(step_);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    after_step(losses, took.count());
  }
  return true;
}

void Run::after_step(const Losses& losses, double seconds) {
  for (const auto& [name, value] : losses)
    GSX_CHECK(std::isfinite(value), "train: loss ", name, " became ", value, " in step ", step_ + 1,
              " of stage ", label(), "; lower the learning rates", written_members());
  ++step_;
  ++total_step_;
  spent_ += seconds;
  seconds_ = seconds_ == 0 ? seconds : 0.9 * seconds_ + 0.1 * seconds;
  report(losses);
  const bool last = step_ == stage_->plan().steps;
  if (last) return;
  if (total_step_ % *state_.config.sample_every == 0) write_samples(false);
  if (total_step_ % *state_.config.checkpoint_every == 0) write_checkpoint();
}

void Run::report(const Losses& losses) {
  TrainProgress p;
  p.stage = label();
  p.step = step_;
  p.steps = stage_->plan().steps;
  p.total_step = total_step_;
  p.total_steps = state_.recipe.total_steps();
  p.seconds_per_step = seconds_;
  if (prices_.empty()) prices_ = stage_prices(state_);
  prices_[at_].done = step_;
  prices_[at_].seconds = seconds_;
  p.seconds_left = seconds_left(prices_, at_);
  p.losses = losses;
  p.channels = stage_->channels();
  state_.observer.progress(p);
  if (step_ % kLogEvery != 0 && step_ != p.steps) return;
  Json line = {{"stage", stage_->plan().kind},
               {"makes", stage_->plan().makes},
               {"step", step_},
               {"total_step", total_step_}};
  if (!state_.recipe.budgets.empty() && stage_->plan().member > 0)
    line["member"] = state_.recipe.ratio_of(stage_->plan().member);
  for (const auto& [name, value] : losses) line[name] = value;
  if (p.channels.total > 0)
    line["channels"] = {{"kept", p.channels.kept}, {"total", p.channels.total}};
  if (const std::vector<double> scales = stage_->scales(); !scales.empty())
    line["gammas"] = gamma_histogram(scales);
  line["seconds_per_step"] = seconds_;
  line["seconds"] = spent_;
  log_->add(line);
  state_.observer.logged(line);
}

void Run::write_samples(bool stage_done) {
  if (sources_.empty()) return;
  char name[64];
  std::string stage = label();
  std::replace(stage.begin(), stage.end(), ' ', '-');
  std::snprintf(name, sizeof name, "%06d-%s.png", total_step_, stage.c_str());
  const ImageRows rows = stage_->samples(sources_);
  const Image sheet = contact_sheet(rows);
  write_png(state_.file(run_files::kSamples) / name, sheet);
  state_.observer.sampled(sheet, stage, total_step_);
  if (stage_done && stage_->plan().makes == "student") judge(rows);
}

// A stage that ruined the student is told of when it ends, not hours later.
void Run::judge(const ImageRows& rows) {
  std::string& told = astray_[stage_->plan().member];
  told.clear();
  const double far = departure(rows);
  if (far <= 1) return;
  std::ostringstream text;
  text.precision(3);
  text << "after the stage " << label()
       << " the student's images are further from the teacher's than plain colours would be ("
       << far << " times their squared difference): lower the learning rates, train longer or ask "
       << "for less compression";
  told = text.str();
  state_.observer.warning(told);
}

void Run::write_checkpoint() {
  StateWriter out;
  out.meta["config"] = state_.config.to_json();
  out.meta["recipe"] = state_.recipe.to_json();
  out.meta["artifacts"] = state_.artifacts.to_json();
  state_.artifacts.save_cuts(out);
  if (state_.time_macs > 0) out.meta["time_macs"] = state_.time_macs;
  out.meta["stage"] = at_;
  out.meta["step"] = step_;
  out.meta["data"] = state_.data.state();
  if (state_.seconds_drawn > 0) out.meta["seconds_drawn"] = state_.seconds_drawn;
  out.meta["marks"] = marks_;
  stage_->save(out);
  if (log_) log_->sync();  // a run that goes on from here finds its lines
  out.write(checkpoint_of(state_.config));
}

// What a run that fails says of the members of a family that are done.
std::string Run::written_members() const {
  std::string files;
  const auto& stages = state_.recipe.stages;
  for (size_t i = 0; i < at_; ++i)
    if (stages[i].last && stages[i].member > 0)
      files += (files.empty() ? "" : ", ") + state_.model_of(stages[i].member).filename().string();
  return files.empty() ? "" : "; the members that are done stay: " + files;
}

// What a report shows of a finished run beside its log and its samples.
void Run::write_figures(const TrainResult& result) const {
  Json j = {{"format", 1},
            {"method", state_.recipe.name},
            {"seed", state_.config.seed},
            {"size", state_.recipe.size},
            {"steps", state_.recipe.total_steps()},
            {"seconds", spent_}};
  j.update(result.to_json());
  j["layers"] = to_json(layer_figures_of(state_));
  write_file_atomically(state_.file(run_files::kFigures), j.dump(1, true) + "\n");
}

}  // namespace

TrainResult train(const TrainConfig& config, bool resume, TrainObserver& observer,
                  const std::atomic<bool>& stop) {
  const RunLock lock(config.run_dir, !resume);
  if (!resume) {
    RunBeginning beginning(config);
    TrainConfig c = config;
    make_paths_absolute(c);
    write_every(c);
    const std::optional<TeacherTraits> traits = look_at_teacher(c);
    observer.begins(c);
    Run run(c, traits ? &*traits : nullptr, beginning, observer, stop);
    return run.go();
  }
  check_checkpoint(config);
  const StateReader in(checkpoint_of(config));
  forget_beginning(config.run_dir);
  try {
    TrainConfig saved = TrainConfig::from_json(in.meta().at("config"));
    take_changes(saved, config);
    make_paths_absolute(saved);
    write_every(saved);
    saved.run_dir = config.run_dir;
    saved.context = config.context;
    observer.begins(saved);
    return Run(saved, in, !config.teacher.empty(), observer, stop).go();
  } catch (const Json::exception&) {
    fail("checkpoint: the state in ", checkpoint_of(config).string(), " is damaged");
  }
}

}  // namespace gsx
