// The stage that chooses channels by evolution (CEC, PAPER.md 4.1).
#pragma once
#include "gs/passes/budget.h"
#include "gs/train/evolution.h"
#include "gs/train/lessons.h"

namespace gsx {

// A step trains and judges one candidate: the teacher without the channels that a mask drops. Masks
// have one bit per prunable channel, tied ones share it, and are repaired by lot until their
// network meets the budget. Those of the first generation are random and judged as they are cut,
// later ones after `candidate_steps` steps of training. A candidate is the fitter, the less the
// discriminator that came with the teacher tells its images from the teacher's:
//   500 / sum over images of MSE(D(G'(x)), D(G(x))) + 0.001 * channels dropped.
// The fittest of all generations is handed on, untrained, for finetuning.
class EvolveStage : public Stage {
 public:
  // From the student of the stage before, else the teacher.
  EvolveStage(RunState&, const StagePlan&);
  EvolveStage(RunState&, const StagePlan&, const StateReader&);

  Losses step(int step) override;
  ChannelCount channels() const override;
  void save(StateWriter&) const override;
  ImageRows samples(const std::vector<Tensor>& sources) override;
  void finish() override;

 private:
  void look();
  Mask repaired(const Mask&);
  Graph cut(const Mask&) const;
  void teach(Graph& candidate);
  double fitness_of(const Graph& candidate, const Mask&) const;

  Lessons lessons_;
  Graph student_, discriminator_;
  std::vector<PruneGroup> groups_;
  Budget budget_;
  SlimmingOptions options_;
  std::vector<float> distance_weights_;
  Rng rng_;
  std::vector<Mask> masks_;      // the present generation
  std::vector<double> fitness_;  // of those that were judged
  Mask best_;
  double best_fitness_ = -1;
  // Sources, and what each output of the discriminator says of the teacher's images of them.
  std::vector<Tensor> judged_;
  std::vector<std::vector<Tensor>> verdicts_;
};

}  // namespace gsx
