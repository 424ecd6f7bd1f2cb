// Makes a discriminator for a teacher that comes without one.
#pragma once
#include "gs/losses/teacher_targets.h"
#include "gs/train/stage.h"

namespace gsx {

// Trains a PatchGAN between the photos, as large as the teacher's images, and what the teacher
// makes of them (official objective) or real images of the domain (paper); of a teacher that makes
// its images from noise, an SNGAN's between real images and the teacher's. That is what slimming
// starts from, and whose feature layers the distance looks through when no feature network is
// given.
class DiscriminatorStage : public Stage {
 public:
  DiscriminatorStage(RunState&, const StagePlan&);
  DiscriminatorStage(RunState&, const StagePlan&, const StateReader&);

  Losses step(int step) override;
  void save(StateWriter&) const override;
  ImageRows samples(const std::vector<Tensor>& sources) override;
  void finish() override;

 private:
  DiscriminatorStage(RunState&, const StagePlan&, Graph discriminator);
  Losses step_on_noise(const ImageBatch& noise);
  double learn(const Tensor& real, const Tensor& fake);
  Graph teacher_, discriminator_;
  SlimmingOptions options_;
  Adam optimizer_;
  TeacherTargets targets_;
};

}  // namespace gsx
