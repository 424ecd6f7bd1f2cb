// The stage that finetunes both directions as a teacher is trained (CEC, PAPER.md 4.1).
#pragma once
#include "gs/train/cyclegan_stage.h"

namespace gsx {

// CycleGAN training of what co-evolution left of a teacher and of its way back. The last stage
// writes both.
class CycleStage : public CycleGanStage {
 public:
  // From the student of the stage before, which came with its way back.
  CycleStage(RunState&, const StagePlan&);
  CycleStage(RunState&, const StagePlan&, const StateReader&);

  ImageRows samples(const std::vector<Tensor>& sources) override;
  void finish() override;

 private:
  Graph teacher_;  // to show beside the student
};

}  // namespace gsx
