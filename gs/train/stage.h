// One stage of a training run: what it does in a step, what a checkpoint must hold of it, and what
// it leaves behind.
#pragma once
#include "gs/observer.h"
#include "gs/recipe.h"
#include "gs/train/checkpoint.h"
#include "gs/train/data.h"
#include "gs/train/random_streams.h"
#include "gs/train/run_folder.h"

namespace gsx {

// What all stages of a run share.
struct RunState {
  TrainConfig config;
  Recipe recipe;
  ContextPtr context;
  TrainObserver& observer;
  TrainData data;

  std::filesystem::path file(const char* name) const { return config.run_dir / name; }
  // The dense network: given, made by an earlier stage, or itself what the run is for.
  std::filesystem::path teacher_file() const {
    return config.method == "dense" ? model_file() : file(run_files::kTeacher);
  }
  std::filesystem::path critic_file() const { return file(run_files::kCritic); }
  std::filesystem::path model_file() const { return file(run_files::kModel); }
};

using Losses = std::vector<std::pair<std::string, double>>;
using PictureRows = std::vector<std::vector<Image>>;

class Stage {
 public:
  Stage(RunState& run, const StagePlan& plan) : run_(run), plan_(plan) {}
  virtual ~Stage() = default;
  const StagePlan& plan() const { return plan_; }

  virtual Losses step(int step) = 0;
  virtual ChannelCount channels() const { return {}; }
  virtual void save(StateWriter&) const = 0;
  // A row of pictures for each of these photos [1,3,H,W] in picture format.
  virtual PictureRows samples(const std::vector<Tensor>& photos) = 0;
  // Writes what the stage was for.
  virtual void finish() = 0;

 protected:
  RunState& run_;
  StagePlan plan_;
};
using StagePtr = std::unique_ptr<Stage>;

// A stage at its first step, from what earlier ones left in the run folder and in memory; or at the
// step a checkpoint was written.
StagePtr start_stage(RunState&, const StagePlan&, Stage* before);
StagePtr resume_stage(RunState&, const StagePlan&, const StateReader&);

// Opens what the settings name. Contradictory settings are an Error.
RunState make_run_state(const TrainConfig&, bool need_critic, TrainObserver&);
// A network that was named by this flag: errors tell it.
Graph open_given(const RunState&, const char* flag, const std::string& spec);
// A PatchGAN with fresh weights, deep enough for the run's pictures.
Graph fresh_critic(const RunState&, Rng&);
// Writes a network with the run's recipe as its provenance.
void save_result(const RunState&, Graph, const std::filesystem::path&);
// One picture [1,3,H,W] in picture format through a network that makes pictures, and back.
Tensor translate_picture(const Graph&, const Tensor& photo);

}  // namespace gsx
