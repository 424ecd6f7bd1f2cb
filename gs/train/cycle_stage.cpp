// Finetuning of two directions; see cycle_stage.h.
#include "gs/train/cycle_stage.h"

#include "gs/train/run_budget.h"

namespace gsx {

namespace {

CycleGanStage::Sides sides_of(RunState& run, const StagePlan& plan) {
  GSX_CHECK(run.artifacts.student && run.artifacts.student->way_back,
            "recipe: a stage cycle trains a student and its way back, expected a stage coevolve "
            "before it");
  Artifacts::Student before = std::move(*run.artifacts.student);
  run.artifacts.student.reset();
  Graph student = handed_on(before);
  if (before.to_budget)
    warn_of_missed_budget(run, load_model(run.context, run.artifacts.teacher), student);
  const CycleGanStepOptions options = cyclegan_step_options(plan);
  const Rng pool(run.config.seed, kPoolStream);
  return {std::make_unique<CycleGanSide>(std::move(student), std::move(before.discriminator),
                                         options, pool),
          std::make_unique<CycleGanSide>(std::move(before.way_back->network),
                                         std::move(before.way_back->discriminator), options, pool)};
}

}  // namespace

CycleStage::CycleStage(RunState& run, const StagePlan& plan)
    : CycleGanStage(run, plan, sides_of(run, plan)),
      teacher_(load_model(run.context, run.artifacts.teacher)) {}

CycleStage::CycleStage(RunState& run, const StagePlan& plan, const StateReader& in)
    : CycleGanStage(run, plan, in), teacher_(load_model(run.context, run.artifacts.teacher)) {}

ImageRows CycleStage::samples(const std::vector<Tensor>& sources) {
  ImageRows rows;
  for (const Tensor& source : sources)
    rows.push_back(sample_row(source, {&teacher_, &to_b_->generator}));
  return rows;
}

void CycleStage::finish() {
  if (plan_.last) {
    save_student(run_, to_b_->generator, run_.artifacts.model);
    save_student(run_, to_a_->generator, run_.file(run_files::kReverseModel));
    return;
  }
  Artifacts::Student made;
  made.network = to_b_->generator;
  made.discriminator = to_b_->discriminator;
  made.way_back = Artifacts::WayBack{to_a_->generator, to_a_->discriminator};
  run_.artifacts.student = std::move(made);
}

}  // namespace gsx
