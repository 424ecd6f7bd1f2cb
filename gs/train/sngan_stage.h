// The stage that makes a teacher whose images come from noise: SNGAN training (PAPER.md 2.4).
#pragma once
#include "gs/train/sngan_step.h"
#include "gs/train/stage.h"

namespace gsx {

class SnganStage : public Stage {
 public:
  SnganStage(RunState&, const StagePlan&);                      // fresh weights
  SnganStage(RunState&, const StagePlan&, const StateReader&);  // as saved

  Losses step(int step) override;
  void save(StateWriter&) const override;
  // A sheet of its own images, whatever the sources.
  ImageRows samples(const std::vector<Tensor>& sources) override;
  void finish() override;

 private:
  SnganStepOptions options_;
  SnganStep step_;
  Rng noise_;
};

}  // namespace gsx
