// The stage that makes a teacher: CycleGAN training between two domains (PAPER.md 4.1).
#pragma once
#include "gs/train/cyclegan_step.h"
#include "gs/train/stage.h"

namespace gsx {

class CycleGanStage : public Stage {
 public:
  // Towards the target domain, and back.
  using Sides = std::pair<std::unique_ptr<CycleGanSide>, std::unique_ptr<CycleGanSide>>;
  CycleGanStage(RunState&, const StagePlan&);                      // fresh weights
  CycleGanStage(RunState&, const StagePlan&, const StateReader&);  // as saved

  Losses step(int step) override;
  void save(StateWriter&) const override;
  ImageRows samples(const std::vector<Tensor>& sources) override;
  void finish() override;

 protected:
  CycleGanStage(RunState&, const StagePlan&, Sides);  // of networks that are there

  CycleGanStepOptions options_;
  std::unique_ptr<CycleGanSide> to_b_, to_a_;

 private:
  std::unique_ptr<CycleGanSide> fresh_side(uint64_t stream) const;
  std::unique_ptr<CycleGanSide> saved_side(const std::string& name, const StateReader&) const;
};

}  // namespace gsx
