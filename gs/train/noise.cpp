// Noise, and networks that make images of it; see noise.h.
#include "gs/train/noise.h"

#include "models/architectures.h"

namespace gsx {

namespace {

Init sngan_init() {
  Init init;
  init.kind = Init::Kind::xavier_uniform;
  init.gamma_deviation = 0.02f;
  return init;
}

}  // namespace

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
