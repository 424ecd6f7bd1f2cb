// What stages teach students with: the teacher, the feature network of the distance, and images.
#pragma once
#include "gs/losses/teacher_targets.h"
#include "gs/train/slimming_step.h"
#include "gs/train/stage.h"

namespace gsx {

class Lessons {
 public:
  // Opens the run's teacher. Error where the discriminator should learn real images and the run has
  // none.
  Lessons(RunState&, const StagePlan&);

  const Graph& teacher() const { return teacher_; }
  // Whose feature layers the distance looks through: of the distance `discriminator` the teacher's
  // discriminator, else the run's feature network.
  const Graph& features() const { return features_; }
  // The stage's, with the rate that is derived where none is given; tells of that one.
  SlimmingOptions options() const;
  // Gives a distance the weights of before, or makes them where there are none and the run wants it
  // normalised.
  void weigh(Distance&, std::vector<float> weights) const;
  // Images for the next step: `batch` sources and what the teacher makes of them, where it counts.
  SlimmingStep::Input next(const SlimmingOptions&, const Distance&, const ImageFormat& student,
                           const ImageFormat& discriminator);

 private:
  RunState& run_;
  const StagePlan plan_;
  Graph teacher_, features_;
  TeacherTargets targets_;
};

}  // namespace gsx
