// The stages that make the student: slimming, finetuning what is left, and distilling into a narrow
// network (the baseline).
#pragma once
#include "gs/losses/teacher_targets.h"
#include "gs/train/rho_controller.h"
#include "gs/train/slimming_step.h"
#include "gs/train/stage.h"

namespace gsx {

class StudentStage : public Stage {
 public:
  // Slimming starts from a copy of the teacher, distillation from a fresh narrow network,
  // finetuning from the student of the stage before.
  StudentStage(RunState&, const StagePlan&, StudentStage* before);
  StudentStage(RunState&, const StagePlan&, const StateReader&);

  Losses step(int step) override;
  ChannelCount channels() const override;
  void save(StateWriter&) const override;
  PictureRows samples(const std::vector<Tensor>& photos) override;
  // Slimming cuts to the budget; finetuning writes the model.
  void finish() override;

 private:
  void quantize();
  void build(std::vector<float> distance_weights);

  Graph teacher_, features_, critic_, student_;
  Budget budget_;
  std::unique_ptr<SlimmingStep> step_;
  std::unique_ptr<RhoController> controller_;
  TeacherTargets targets_;
};

// A budget in bytes of the model file or MACs of one picture; kind none without a target.
Budget make_budget(const RunState&, const Graph& teacher);

// Refuses a budget that pruning this network has nothing to do for, or cannot reach, and a teacher
// whose weights are zero: before the work.
void check_budget(const RunState&, const Graph& teacher);

// What is said of a pruned network that is further from the budget than 3 %; empty: it is not. A
// narrow student is only the nearest below.
std::string missed_budget(const RunState&, const Graph& teacher, const Graph& student);

// The rate of Adam where none is given: from the size of the teacher's weights, or kFreshRate.
float derived_rate(const RunState&, const Graph& teacher);

// The network whose taps the distance looks through, and what to call it in every output.
struct FeatureNet {
  Graph graph;
  std::string name;
};
FeatureNet open_feature_net(const RunState&);
FeatureNet features_of_critic(Graph critic);  // where the run is given none

}  // namespace gsx
