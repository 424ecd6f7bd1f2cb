// One stage of a training run: what it does in a step, what a checkpoint must hold of it, and what
// it leaves behind.
#pragma once
#include <span>

#include "gs/observer.h"
#include "gs/recipe.h"
#include "gs/train/artifacts.h"
#include "gs/train/checkpoint.h"
#include "gs/train/data.h"
#include "gs/train/random_streams.h"
#include "gs/train/run_folder.h"
#include "gs/train/teacher_traits.h"
#include "models/architectures.h"

namespace gsx {

// What all stages of a run share.
struct RunState {
  TrainConfig config;
  Recipe recipe;
  ContextPtr context;
  TrainObserver& observer;
  TrainData data;
  Artifacts artifacts;
  TeacherTraits teacher_traits;
  int64_t seconds_drawn = 0;  // of second inputs, for training images
  // The MACs that an image may cost to take no longer than the recipe's target_ms; 0: that is not
  // measured yet.
  double time_macs = 0;

  // The side of the images that the run's networks make of those of its size.
  int made_size() const { return recipe.size * static_cast<int>(data.scale()); }
  std::filesystem::path file(const char* name) const { return config.run_dir / name; }
  // Where the model of a stage's student is written: of a family's member its own file.
  std::filesystem::path model_of(int member) const;
};

using Losses = std::vector<std::pair<std::string, double>>;
using ImageRows = std::vector<std::vector<Image>>;

class Stage {
 public:
  Stage(RunState& run, const StagePlan& plan) : run_(run), plan_(plan) {}
  virtual ~Stage() = default;
  const StagePlan& plan() const { return plan_; }

  virtual Losses step(int step) = 0;
  virtual ChannelCount channels() const { return {}; }
  // The scales that channels are pruned by, one per prunable channel; empty where none is pruned.
  virtual std::vector<double> scales() const { return {}; }
  virtual void save(StateWriter&) const = 0;
  // A row of images for each of these photos [1,3,H,W] in image format.
  virtual ImageRows samples(const std::vector<Tensor>& sources) = 0;
  // Hands on what the stage was for, in the run's artifacts.
  virtual void finish() = 0;

 protected:
  RunState& run_;
  StagePlan plan_;
};
using StagePtr = std::unique_ptr<Stage>;

// All kinds of stages there are: at their first step, from the run's artifacts, or at the step a
// checkpoint was written. Nothing else in the house knows them all.
struct StageKind {
  const char* name;
  StagePtr (*start)(RunState&, const StagePlan&);
  StagePtr (*resume)(RunState&, const StagePlan&, const StateReader&);
};
std::span<const StageKind> stage_kinds();
// Error for a name that none of them has.
const StageKind& stage_kind(const std::string& name);

// Opens the data that the settings name. known: the teacher's traits; null: they are looked for.
RunState make_run_state(const TrainConfig&, Recipe, TrainObserver&,
                        const TeacherTraits* known = nullptr);
// A network that was named by this flag: errors tell it.
Graph open_given(const RunState&, const char* flag, const std::string& spec);
// The teacher that the run's first stage trains, with fresh weights.
Graph fresh_generator(const RunState&, Rng&);
// Of a PatchGAN that is deep enough for the run's images and judges so many channels.
PatchGanOptions discriminator_shape(const RunState&, int channels);
// Such a one of images, with fresh weights.
Graph fresh_discriminator(const RunState&, Rng&);
// The next training images, with what the network draws beside each.
ImageBatch next_images(RunState&, const Graph& network, int n);
// What the network draws beside image i of a list: of training images or of held-out ones.
Tensor second_of(const RunState&, const Graph& network, size_t i, bool held_out);
// Writes a network with the run's recipe as its provenance.
void save_result(const RunState&, Graph, const std::filesystem::path&);
// The same of a student that is done: weight scales stay as they are now, batch norms are folded.
void save_student(const RunState&, Graph, const std::filesystem::path&);
// A source, where it is an image, as large as what networks make of it, and that.
// second: as translate().
std::vector<Image> sample_row(const Tensor& source, const std::vector<const Graph*>& networks,
                              const Tensor& second = {});
// One image [1,3,H,W] in image format through a network that makes images, and back.
Tensor translate_image(const Graph&, const Tensor& source, const Tensor& second = {});

}  // namespace gsx
