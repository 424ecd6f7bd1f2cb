// The stage that makes a teacher which draws photos in the style of paintings: style-aware training
// (PAPER.md 2.6).
#pragma once
#include "gs/train/stage.h"
#include "gs/train/style_aware_step.h"

namespace gsx {

class StyleAwareStage : public Stage {
 public:
  // Fresh weights. Error without images of domain b.
  StyleAwareStage(RunState&, const StagePlan&);
  StyleAwareStage(RunState&, const StagePlan&, const StateReader&);  // as saved

  // Those of the player whose turn it was, the other's of its last turn, and how often the
  // discriminator was right lately.
  Losses step(int step) override;
  void save(StateWriter&) const override;
  ImageRows samples(const std::vector<Tensor>& sources) override;
  void finish() override;

 private:
  StyleAwareStepOptions options_;
  StyleAwareStep step_;
  Losses of_generator_, of_discriminator_;  // of their last turns here
};

}  // namespace gsx
