// SNGAN training of a teacher; see sngan_stage.h.
#include "gs/train/sngan_stage.h"

#include "gs/train/noise.h"

namespace gsx {

namespace {

constexpr int kSheet = 8;      // images along each side of a sheet
constexpr int kGenerated = 2;  // times as many vectors for the generator as real images

SnganStep fresh_step(const RunState& run, const SnganStepOptions& options) {
  Rng rng(run.config.seed, kDenseStream);
  Graph generator = fresh_sngan(run, rng);
  return {std::move(generator), fresh_sngan_discriminator(run, rng), options};
}

}  // namespace

SnganStage::SnganStage(RunState& run, const StagePlan& plan)
    : Stage(run, plan),
      options_(sngan_step_options(plan)),
      step_(fresh_step(run, options_)),
      noise_(run.config.seed, kFreshNoiseStream) {}

SnganStage::SnganStage(RunState& run, const StagePlan& plan, const StateReader& in)
    : Stage(run, plan),
      options_(sngan_step_options(plan)),
      step_(in.graph("generator", run.context), in.graph("discriminator", run.context), options_),
      noise_(rng_from_json(in.meta().at("noise"))) {
  in.restore("optimizer", step_.optimizer);
  in.restore("discriminator_optimizer", step_.discriminator_optimizer);
  for (size_t i = 0; i < step_.average.size(); ++i)
    in.restore("average." + std::to_string(i), step_.average[i]);
}

Losses SnganStage::step(int step) {
  const int64_t length = run_.data.noise();
  const auto noise = [&](int n) { return draw_noise(run_.context, n, length, noise_); };
  step_.set_lr(
      static_cast<float>(options_.lr * schedule_factor(decay_of(plan_), step, plan_.steps)));
  std::vector<SnganStep::Judged> judged;
  for (int i = 0; i < options_.updates; ++i) {
    const Tensor real = run_.data.next(Domain::b, plan_.batch).images;
    judged.push_back(
        {convert_images(real, kImageFormat, step_.discriminator.input_format), noise(plan_.batch)});
  }
  const SnganLosses l = step_.step(judged, noise(kGenerated * plan_.batch));
  return {{"gan", l.gan}, {"discriminator", l.discriminator}};
}

void SnganStage::save(StateWriter& out) const {
  out.add("generator", step_.generator);
  out.add("discriminator", step_.discriminator);
  out.add("optimizer", step_.optimizer);
  out.add("discriminator_optimizer", step_.discriminator_optimizer);
  out.add("average", step_.average);
  out.meta["noise"] = to_json(noise_);
}

ImageRows SnganStage::samples(const std::vector<Tensor>&) {
  const Graph averaged = step_.averaged();
  Rng rng(run_.config.seed, kSampleStream);
  ImageRows rows(kSheet);
  for (auto& row : rows)
    for (int i = 0; i < kSheet; ++i)
      row.push_back(
          to_image(translate_image(averaged, draw_noise(run_.context, 1, run_.data.noise(), rng))));
  return rows;
}

void SnganStage::finish() {
  save_result(run_, step_.averaged(), run_.artifacts.teacher);
  save_result(run_, step_.discriminator, run_.artifacts.discriminator);
}

}  // namespace gsx
