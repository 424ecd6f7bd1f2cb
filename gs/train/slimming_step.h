// One training step of GAN Slimming (Eqs. 6-15 in the order of PAPER.md 1.7), usable on its own.
#pragma once
#include "engine/captured.h"
#include "gs/losses/image_pool.h"
#include "gs/passes/channels.h"
#include "gs/step_options.h"
#include "gs/train/trained.h"
#include "optim/sgd.h"

namespace gsx {

struct SlimmingLosses {
  double generator = 0;  // beta * distance + gan
  // Content is the distance's first part, style the sum of its others.
  double distance = 0, content = 0, style = 0, gan = 0;
  double discriminator = 0;
};

// Holds the optimisers of a student and its discriminator; the three graphs must outlive it. All
// of the student's trained parameters train: the gammas of prunable groups by SGD with prox,
// the rest by Adam. Where the device can, what leads to the gradients is captured and replayed
// (engine/captured.h), as long as images keep their shape and networks their structure.
class SlimmingStep {
 public:
  // `features` may be null where the distance looks through none. Without a distance there must be
  // a GAN loss.
  SlimmingStep(Graph& student, Graph& discriminator, const Graph* features,
               std::vector<std::string> layers, const SlimmingOptions&, Rng pool_rng = Rng(0));

  struct Input {
    Tensor x;  // the student's input format
    // The teacher's images of x, in the student's output format; needed by a distance, and where
    // they are what the discriminator takes for real.
    Tensor y_teacher;
    // Distance::layers of y_teacher where they are known; else empty, and the step computes them.
    std::vector<Tensor> layers_teacher;
    // The discriminator's input format; needed when the teacher's are not "real", and where it
    // learns from triplets.
    Tensor y_real;
    Tensor second = {};  // of a student of two inputs, where it is drawn for each image
    const ForcedValues* forced = nullptr;  // tests
  };
  // Gradients stay on the parameters until the next step. Returns the losses before the step.
  SlimmingLosses step(const Input&);

  // May be changed between steps (schedules, the budget controller).
  SlimmingOptions options;
  Distance& distance() { return distance_; }
  const std::vector<PruneGroup>& groups() const { return groups_; }
  // What channels of the groups are worth (PruneGroup::worth), one tensor per group; none at first.
  // Error where there are others.
  void set_worth(const std::vector<Tensor>&);
  std::vector<Tensor> worth() const;
  Adam& weight_optimizer() { return weights_; }
  Adam& discriminator_optimizer() { return discriminator_adam_; }
  Sgd& gamma_optimizer() { return gammas_; }
  ImagePool& pool() { return pool_; }
  // The student's images of the last step, no gradient; the next step may write over them.
  const Tensor& generated() const { return generated_; }
  bool has_distance() const { return options.distance.kind != DistanceKind::none; }
  // Whether the last step was replayed.
  bool replayed() const { return generator_phase_.work.captured(); }

 private:
  // What one player's part of a step computes before its optimisers step.
  struct Phase {
    Captured work;
    std::vector<Tensor> parameters, gradients;
  };
  void compute(Phase&, const std::string& key, const std::function<void()>& work);
  std::string capture_key(const Input&) const;
  void generator_work(const ForcedValues*);
  Distance::Target distance_target() const;
  void discriminator_work();
  void sort_groups();
  void gamma_phase();
  SlimmingLosses read_losses() const;

  Graph& student_;
  Graph& discriminator_;
  const Graph* features_;
  std::vector<PruneGroup> groups_;
  // For the proximal step: which scales, in the order of group_scales(), are a group of their own,
  // and the groups of the others.
  std::vector<bool> alone_;
  std::vector<PruneGroup> tied_;
  Distance distance_;
  Adam weights_, discriminator_adam_;
  Sgd gammas_;
  ImagePool pool_;
  Phase generator_phase_, discriminator_phase_;
  // Where captured work finds its images: the step's, and what the discriminator takes for fake.
  Tensor x_, second_, y_teacher_, y_real_, fake_;
  std::vector<Tensor> layers_teacher_;
  // What it leaves: the student's images, also as the discriminator sees them, and the losses.
  Tensor generated_, shown_;
  std::vector<Tensor> distance_parts_;
  std::string judged_layer_;  // of the discriminator, in triplets: what its last layer reads
  Tensor distance_loss_, gan_loss_, generator_loss_, discriminator_loss_;
};

// The gammas' tensors of the norms in prunable groups.
std::vector<Tensor> group_scales(const Graph&, const std::vector<PruneGroup>&);

}  // namespace gsx
