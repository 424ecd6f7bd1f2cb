// Style-aware training of a teacher; see style_aware_stage.h.
#include "gs/train/style_aware_stage.h"

namespace gsx {

namespace {

StyleAwareStep fresh_step(const RunState& run, const StyleAwareStepOptions& options) {
  Rng generator(run.config.seed, kDenseStream), judge(run.config.seed, kDenseStream + 1);
  return {fresh_generator(run, generator), fresh_discriminator(run, judge), options};
}

}  // namespace

StyleAwareStage::StyleAwareStage(RunState& run, const StagePlan& plan)
    : Stage(run, plan), options_(style_aware_step_options(plan)), step_(fresh_step(run, options_)) {
  GSX_CHECK(
      run.data.has_targets(),
      "train: needs paintings whose style to learn; give --data a folder with trainA (photos) "
      "and trainB (paintings of one style)");
}

StyleAwareStage::StyleAwareStage(RunState& run, const StagePlan& plan, const StateReader& in)
    : Stage(run, plan),
      options_(style_aware_step_options(plan)),
      step_(in.graph("generator", run.context), in.graph("discriminator", run.context), options_) {
  in.restore("optimizer", step_.optimizer);
  in.restore("discriminator_optimizer", step_.discriminator_optimizer);
  step_.success = in.meta().at("success").get<double>();
}

Losses StyleAwareStage::step(int step) {
  step_.set_lr(
      static_cast<float>(options_.lr * schedule_factor(decay_of(plan_), step, plan_.steps)));
  const Tensor photos = run_.data.next(Domain::a, plan_.batch).images;
  const Tensor paintings = run_.data.next(Domain::b, plan_.batch).images;
  const StyleAwareLosses l = step_.step(photos, paintings);
  if (l.generator) of_generator_ = {{"gan", l.gan}, {"image", l.image}, {"features", l.features}};
  else of_discriminator_ = {{"discriminator", l.discriminator}};
  Losses losses = of_generator_;
  losses.insert(losses.end(), of_discriminator_.begin(), of_discriminator_.end());
  losses.push_back({"success", step_.success});
  return losses;
}

void StyleAwareStage::save(StateWriter& out) const {
  out.add("generator", step_.generator);
  out.add("discriminator", step_.discriminator);
  out.add("optimizer", step_.optimizer);
  out.add("discriminator_optimizer", step_.discriminator_optimizer);
  out.meta["success"] = step_.success;
}

ImageRows StyleAwareStage::samples(const std::vector<Tensor>& sources) {
  ImageRows rows;
  for (const Tensor& source : sources) rows.push_back(sample_row(source, {&step_.generator}));
  return rows;
}

void StyleAwareStage::finish() {
  save_result(run_, step_.generator, run_.artifacts.teacher);
  save_result(run_, step_.discriminator, run_.artifacts.discriminator);
}

}  // namespace gsx
