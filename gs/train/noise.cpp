// Teachers that make images from noise; see noise.h.
#include "gs/train/noise.h"

#include "gs/translate.h"
#include "models/architectures.h"

namespace gsx {

namespace {

Graph open_teacher(const TrainConfig& config, const ContextPtr& context) {
  try {
    return open_model(context, config.teacher);
  } catch (const Error&) {  // told by whoever needs it, with the flag
    return {};
  }
}

int64_t length_of(const Graph& teacher) { return teacher.size() > 0 ? noise_length(teacher) : 0; }

Init sngan_init() {
  Init init;
  init.kind = Init::Kind::xavier_uniform;
  init.gamma_deviation = 0.02f;
  return init;
}

}  // namespace

int64_t noise_of_teacher(const TrainConfig& config, const Recipe& recipe,
                         const ContextPtr& context) {
  if (!config.teacher.empty()) return length_of(open_teacher(config, context));
  const StagePlan* maker = recipe.maker("teacher");
  return maker && maker->kind == "sngan" ? SnganOptions().latent : 0;
}

int noise_image_side(const TrainConfig& config) {
  if (config.teacher.empty()) return 0;
  const Graph teacher =
      open_teacher(config, config.context ? config.context : Context::create({.threads = 1}));
  if (length_of(teacher) == 0) return 0;
  const Shape made = teacher.infer_shapes(teacher.example_input())[teacher.output()];
  return made.rank() == 4 ? static_cast<int>(made[3]) : 0;
}

Tensor draw_noise(const ContextPtr& context, int64_t n, int64_t length, Rng& rng) {
  const Tensor z = Tensor::zeros(context, {n, length});
  rng.fill_normal(z, 0, 1);
  return z;
}

Graph fresh_sngan(const RunState& run, Rng& rng) {
  SnganOptions shape;
  shape.blocks = sngan_blocks(run.recipe.size);
  const StagePlan* plan = run.recipe.maker("teacher");
  if (plan && plan->width) shape.width = *plan->width;
  Graph generator = sngan(shape);
  generator.initialize(run.context, rng, sngan_init());
  return generator;
}

Graph fresh_sngan_discriminator(const RunState& run, Rng& rng) {
  Graph discriminator = sngan_discriminator({run.recipe.discriminator_width()});
  discriminator.initialize(run.context, rng, sngan_init());
  return discriminator;
}

}  // namespace gsx
