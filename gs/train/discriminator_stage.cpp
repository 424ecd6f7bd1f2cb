// A discriminator for a teacher without one; see discriminator_stage.h.
#include "gs/train/discriminator_stage.h"

#include "gs/train/trained.h"

namespace gsx {

DiscriminatorStage::DiscriminatorStage(RunState& run, const StagePlan& plan, Graph discriminator)
    : Stage(run, plan),
      teacher_(load_model(run.context, run.artifacts.teacher)),
      discriminator_(with_gradients(std::move(discriminator))),
      options_(slimming_options(plan)),
      optimizer_(
          adam_of(discriminator_, options_.lr_discriminator, options_.beta1, options_.beta2)),
      targets_(teacher_, run.data.repeats()) {}

DiscriminatorStage::DiscriminatorStage(RunState& run, const StagePlan& plan)
    : DiscriminatorStage(run, plan, [&] {
        Rng rng(run.config.seed, kDiscriminatorStream);
        return fresh_discriminator(run, rng);
      }()) {}

DiscriminatorStage::DiscriminatorStage(RunState& run, const StagePlan& plan, const StateReader& in)
    : DiscriminatorStage(run, plan, in.graph("discriminator", run.context)) {
  in.restore("optimizer", optimizer_);
}

Losses DiscriminatorStage::step(int step) {
  const SlimmingOptions& o = options_;
  const double decay = schedule_factor(decay_of(plan_), step, plan_.steps);
  optimizer_.set_lr(static_cast<float>(o.lr_discriminator * decay));
  const ImageBatch sources = next_images(run_, teacher_, plan_.batch);
  const auto seen = [&](const Tensor& x, const ImageFormat& format) {
    return convert_images(x, format, discriminator_.input_format);
  };
  if (run_.data.noise() > 0) return step_on_noise(sources);
  const Tensor real = o.teacher_is_real
                          ? seen(targets_.of(sources).images, teacher_.output_format)
                          : seen(run_.data.next(Domain::b, plan_.batch).images, kImageFormat);
  const Tensor photos = enlarged(sources.images, run_.data.scale());
  return {{"D", learn(real, seen(photos, kImageFormat))}};
}

Losses DiscriminatorStage::step_on_noise(const ImageBatch& noise) {
  const Tensor real = run_.data.next(Domain::b, plan_.batch).images;
  const Tensor made = targets_.of(noise).images;
  const ImageFormat& format = discriminator_.input_format;
  return {{"D", learn(convert_images(real, kImageFormat, format),
                      convert_images(made, teacher_.output_format, format))}};
}

double DiscriminatorStage::learn(const Tensor& real, const Tensor& fake) {
  zero_gradients(trained_parameters(discriminator_));
  const Tensor loss = discriminator_loss(discriminator_, real, fake, options_.gan_loss);
  const double value = loss.item();
  loss.backward();
  optimizer_.step();
  return value;
}

void DiscriminatorStage::save(StateWriter& out) const {
  out.add("discriminator", discriminator_);
  out.add("optimizer", optimizer_);
}

ImageRows DiscriminatorStage::samples(const std::vector<Tensor>& sources) {
  ImageRows rows;
  for (const Tensor& source : sources)
    rows.push_back(sample_row(source, {&teacher_}, second_of(run_, teacher_, rows.size(), true)));
  return rows;
}

void DiscriminatorStage::finish() {
  save_result(run_, discriminator_, run_.artifacts.discriminator);
}

}  // namespace gsx
