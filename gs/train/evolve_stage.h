// The stage that chooses channels of one generator by evolution (CEC, PAPER.md 4.1, where there is
// one direction).
#pragma once
#include <optional>

#include "gs/train/lessons.h"
#include "gs/train/population.h"

namespace gsx {

// A step trains and judges one candidate: the teacher without the channels that a mask drops. Those
// of the first generation are judged as they are cut, later ones after `candidate_steps` steps of
// training. What tells a candidate from its teacher is the sum over images of
//   MSE(D(G'(x)), D(G(x))),
// D being the discriminator as it came with the teacher. The fittest of all generations is handed
// on, untrained, for finetuning.
class EvolveStage : public Stage {
 public:
  // From the student of the stage before, else the teacher.
  EvolveStage(RunState&, const StagePlan&);
  EvolveStage(RunState&, const StagePlan&, const StateReader&);

  Losses step(int step) override;
  ChannelCount channels() const override { return population_->channels(); }
  void save(StateWriter&) const override;
  ImageRows samples(const std::vector<Tensor>& sources) override;
  void finish() override;

 private:
  void look();
  void teach(Graph& candidate);
  double difference_of(const Graph& candidate) const;
  std::vector<Tensor> judged_inputs(size_t i) const;

  Lessons lessons_;
  Graph discriminator_;
  SlimmingOptions options_;
  std::vector<float> distance_weights_;
  std::optional<Population> population_;
  // Sources, and what each output of the discriminator says of the teacher's images of them.
  std::vector<Tensor> judged_;
  std::vector<std::vector<Tensor>> verdicts_;
};

}  // namespace gsx
