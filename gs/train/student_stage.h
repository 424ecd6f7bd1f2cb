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
  // A stage that prunes cuts to the budget; the last one extracts and writes the model.
  void finish() override;

 private:
  bool weighs() const;     // whether channels are compared by what the output loses with them
  bool to_budget() const;  // whether the stage prunes until the budget is met
  std::vector<std::vector<Tensor>> inputs_for(const std::vector<Tensor>& sources);
  void quantize();
  void calibrate(Graph& student);
  void choose_bits();
  void weigh_channels();
  void build(std::vector<float> distance_weights);
  void tell_idle_pruning() const;
  Artifacts::Student left() const;
  void tell_member() const;

  Lessons lessons_;
  Graph discriminator_, student_;
  SlimmingOptions options_ = slimming_options(plan_);
  Budget budget_;
  std::unique_ptr<SlimmingStep> step_;
  std::unique_ptr<RhoController> controller_;
};

}  // namespace gsx
