// The stage that chooses channels of both directions' generators by co-evolution (CEC, PAPER.md
// 4.1).
#pragma once
#include "gs/train/cyclegan_step.h"
#include "gs/train/population.h"
#include "gs/train/stage.h"

namespace gsx {

// Two populations, of the teacher G and of the generator of the way back F, whose members of equal
// number are pairs. A step trains and judges one pair: those of the first generation are judged as
// they are cut, later ones after `candidate_steps` steps of CycleGAN training, by discriminators
// that begin every time as they came. What tells a candidate from its teacher is the sum over
// images x of
//   MSE(D(G'(x)), D(G(x))) + cycle * mean |F'(G'(x)) - x|,
// D being the discriminator as it came, without the second term in the first generation, whose
// members count no longer once others are judged by both. Likewise for F'. The fittest of either
// direction are handed on, untrained.
class CoevolveStage : public Stage {
 public:
  CoevolveStage(RunState&, const StagePlan&);  // from the teacher and its way back
  CoevolveStage(RunState&, const StagePlan&, const StateReader&);

  Losses step(int step) override;
  ChannelCount channels() const override { return there_.population->channels(); }
  void save(StateWriter&) const override;
  ImageRows samples(const std::vector<Tensor>& sources) override;
  void finish() override;

 private:
  // One direction: a teacher, who judges its images, and what is to become of it.
  struct Direction {
    Domain from;
    Graph teacher, discriminator;
    std::optional<Population> population = {};
    std::vector<Tensor> judged = {}, verdicts = {};  // images, and D's logits of the teacher's
  };
  Direction opened(Domain from) const;
  void look(Direction&) const;
  void teach(CycleGanSide& to_b, CycleGanSide& to_a, int steps);
  // Sums over the images that `to` is judged on.
  double difference_of(const Direction&, const Graph& to, const Graph& back, bool cycles) const;

  CycleGanStepOptions options_;
  Direction there_, back_;
};

}  // namespace gsx
