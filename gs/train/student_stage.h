// The stages that make the student: slimming, finetuning what is left, and distilling into a narrow
// network (the baseline).
#pragma once
#include "gs/train/lessons.h"
#include "gs/train/rho_controller.h"

namespace gsx {

class StudentStage : public Stage {
 public:
  // Starts from the student of the stage before; the first one from a copy of the teacher or from a
  // fresh narrow network.
  StudentStage(RunState&, const StagePlan&);
  StudentStage(RunState&, const StagePlan&, const StateReader&);

  Losses step(int step) override;
  ChannelCount channels() const override;
  std::vector<double> scales() const override;
  void save(StateWriter&) const override;
  ImageRows samples(const std::vector<Tensor>& sources) override;
  // A stage that prunes cuts to the budget, for a family to every member's; the last one extracts
  // and writes the model.
  void finish() override;

 private:
  int member() const;
  bool weighs() const;     // whether channels are compared by what the output loses with them
  bool to_budget() const;  // whether the stage prunes until the budget is met
  std::vector<std::vector<Tensor>> inputs_for(const std::vector<Tensor>& sources);
  void quantize();
  void calibrate(Graph& student);
  void choose_bits();
  std::vector<Tensor> worth_of(const std::vector<PruneGroup>&, const Budget&);
  void weigh_channels();
  bool is_untimed() const;
  void fit_to_time();
  Budget settle(const Graph&, const std::vector<PruneGroup>&);
  void build(std::vector<float> distance_weights);
  void tell_idle_pruning() const;
  RhoController::Stops stops();
  void leave(const Graph& cut, int member);
  void leave_milder();
  void tell_member() const;

  Lessons lessons_;
  Graph discriminator_, student_;
  SlimmingOptions options_ = slimming_options(plan_);
  Budget budget_;
  std::unique_ptr<SlimmingStep> step_;
  std::unique_ptr<RhoController> controller_;
};

}  // namespace gsx
