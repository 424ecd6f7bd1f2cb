// Runs a recipe's stages over one loop; see trainer.h.
#include "gs/trainer.h"

#include <chrono>

#include "gs/dense.h"
#include "gs/evaluation.h"
#include "gs/run_log.h"
#include "gs/student.h"

namespace gsx {

namespace fs = std::filesystem;

namespace {

constexpr int kLogEvery = 10;
constexpr int kSampled = 4;  // photos on a sample sheet

// The discriminator that was trained with a teacher lies beside its file.
fs::path critic_beside(const std::string& teacher) {
  const fs::path beside = fs::path(teacher).parent_path() / "discriminator.safetensors";
  std::error_code ignored;
  return fs::is_regular_file(teacher, ignored) && fs::is_regular_file(beside, ignored) ? beside
                                                                                       : fs::path();
}

class Run {
 public:
  Run(const TrainConfig& config, TrainObserver& observer, const std::atomic<bool>& stop);
  Run(const TrainConfig& config, const StateReader& in, TrainObserver& observer,
      const std::atomic<bool>& stop);
  TrainResult go();

 private:
  RunState make_state(const TrainConfig& config, bool need_critic, TrainObserver& observer);
  void adopt_teacher();
  void check_budget() const;
  bool run_stage();  // false: stopped
  void after_step(const Losses&, double seconds);
  void report(const Losses&);
  void write_samples();
  void write_checkpoint();

  const std::atomic<bool>& stop_;
  bool need_critic_;
  RunState state_;
  size_t at_ = 0;       // which stage
  int step_ = 0;        // steps done of it
  int total_step_ = 0;  // steps done of all
  double seconds_ = 0;  // per step, recently
  std::vector<Tensor> photos_;
  StagePtr stage_;
  std::unique_ptr<RunLog> log_;
};

RunState Run::make_state(const TrainConfig& config, bool need_critic, TrainObserver& observer) {
  Recipe recipe = make_recipe(config, need_critic);
  ContextPtr context = config.context ? config.context : Context::create();
  TrainData data(config, recipe.size, recipe.load_size, context, observer);
  return {config, std::move(recipe), std::move(context), observer, std::move(data)};
}

Run::Run(const TrainConfig& config, TrainObserver& observer, const std::atomic<bool>& stop)
    : stop_(stop),
      need_critic_(!config.teacher.empty() && critic_beside(config.teacher).empty()),
      state_(make_state(config, need_critic_, observer)) {
  std::error_code error;
  fs::create_directories(state_.file("samples"), error);
  GSX_CHECK(!error, "train: cannot make the folder ", state_.file("samples").string(), ": ",
            error.message());
  observer.started();
  log_ = std::make_unique<RunLog>(state_.file("log.jsonl"), -1);
  if (!config.teacher.empty()) adopt_teacher();
  check_budget();
  photos_ = state_.data.held_out(Domain::a, kSampled);
  stage_ = start_stage(state_, state_.recipe.stages[0], nullptr);
  write_checkpoint();
}

Run::Run(const TrainConfig& config, const StateReader& in, TrainObserver& observer,
         const std::atomic<bool>& stop)
    : stop_(stop),
      need_critic_(in.meta().at("need_critic").get<bool>()),
      state_(make_state(config, need_critic_, observer)),
      at_(in.meta().at("stage").get<size_t>()),
      step_(in.meta().at("step").get<int>()) {
  const auto& stages = state_.recipe.stages;
  GSX_CHECK(at_ < stages.size() && step_ >= 0 && step_ <= stages[at_].steps, "checkpoint: stage ",
            at_, " step ", step_, " is not part of this run");
  for (size_t i = 0; i < at_; ++i) total_step_ += stages[i].steps;
  total_step_ += step_;
  state_.data.restore(in.meta().at("data"));
  fs::create_directories(state_.file("samples"));
  log_ = std::make_unique<RunLog>(state_.file("log.jsonl"), total_step_);
  photos_ = state_.data.held_out(Domain::a, kSampled);
  stage_ = resume_stage(state_, stages[at_], in);
}

void Run::adopt_teacher() {
  const std::string& spec = state_.config.teacher;
  const Graph teacher = open_model(state_.context, spec);
  GSX_CHECK(teacher.input_channels() == 3, "teacher: must take pictures of 3 channels, ", spec,
            " takes ", teacher.input_channels());
  save_model(teacher, state_.teacher_file());
  if (!need_critic_)
    save_model(load_model(state_.context, critic_beside(spec)), state_.critic_file());
}

// Refuses a budget that cannot be met before the work, not after it.
void Run::check_budget() const {
  if (state_.config.method == "dense") return;
  Rng any(state_.config.seed, kDenseStream);
  gsx::check_budget(state_, state_.config.teacher.empty()
                                ? fresh_generator(state_, any)
                                : load_model(state_.context, state_.teacher_file()));
}

TrainResult Run::go() {
  const auto& stages = state_.recipe.stages;
  for (;;) {
    state_.observer.message(std::string("stage    ") + name_of(stages[at_].kind));
    if (!run_stage()) {
      write_checkpoint();
      return {};
    }
    stage_->finish();
    write_samples();
    if (at_ + 1 == stages.size()) break;
    stage_ = start_stage(state_, stages[++at_], stage_.get());
    step_ = 0;
    write_checkpoint();
  }
  write_checkpoint();
  stage_.reset();  // its memory is wanted for the evaluation
  TrainResult result = evaluate_run(state_);
  result.finished = true;
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
              " of stage ", name_of(stage_->plan().kind), "; lower the learning rates");
  ++step_;
  ++total_step_;
  seconds_ = seconds_ == 0 ? seconds : 0.9 * seconds_ + 0.1 * seconds;
  report(losses);
  const bool last = step_ == stage_->plan().steps;
  if (last) return;
  if (total_step_ % state_.config.sample_every == 0) write_samples();
  if (total_step_ % state_.config.checkpoint_every == 0) write_checkpoint();
}

void Run::report(const Losses& losses) {
  TrainProgress p;
  p.stage = name_of(stage_->plan().kind);
  p.step = step_;
  p.steps = stage_->plan().steps;
  p.total_step = total_step_;
  p.total_steps = state_.recipe.total_steps();
  p.seconds_per_step = seconds_;
  p.losses = losses;
  p.channels = stage_->channels();
  state_.observer.progress(p);
  if (step_ % kLogEvery != 0 && step_ != p.steps) return;
  Json line = {{"stage", p.stage}, {"step", step_}, {"total_step", total_step_}};
  for (const auto& [name, value] : losses) line[name] = value;
  if (p.channels.total > 0)
    line["channels"] = {{"kept", p.channels.kept}, {"total", p.channels.total}};
  line["seconds_per_step"] = seconds_;
  log_->add(line);
}

void Run::write_samples() {
  if (photos_.empty()) return;
  char name[64];
  std::snprintf(name, sizeof name, "%06d-%s.png", total_step_, name_of(stage_->plan().kind));
  write_png(state_.file("samples") / name, contact_sheet(stage_->samples(photos_)));
}

void Run::write_checkpoint() {
  StateWriter out;
  out.meta["config"] = state_.config.to_json();
  out.meta["need_critic"] = need_critic_;
  out.meta["stage"] = at_;
  out.meta["step"] = step_;
  out.meta["data"] = state_.data.state();
  stage_->save(out);
  out.write(state_.file("checkpoint.safetensors"));
}

}  // namespace

TrainResult train(const TrainConfig& config, bool resume, TrainObserver& observer,
                  const std::atomic<bool>& stop) {
  if (!resume) return Run(config, observer, stop).go();
  const fs::path path = config.run_dir / "checkpoint.safetensors";
  const StateReader in(path);
  try {
    TrainConfig saved = TrainConfig::from_json(in.meta().at("config"));
    saved.run_dir = config.run_dir;
    saved.context = config.context;
    return Run(saved, in, observer, stop).go();
  } catch (const Json::exception& e) {
    fail("checkpoint: ", path.string(), " is damaged: ", e.what());
  }
}

}  // namespace gsx
