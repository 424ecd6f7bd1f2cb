// A step of CycleGAN training; see cyclegan_step.h.
#include "gs/train/cyclegan_step.h"

#include <tuple>

#include "engine/profile_scope.h"
#include "gs/losses/gan_loss.h"
#include "gs/train/trained.h"

namespace gsx {

namespace {

// Adds the losses of the part that starts from x (the other domain) and y (this one), leaves its
// gradients, and returns the generated image without one.
Tensor generator_phase(CycleGanSide& to, CycleGanSide& back, const CycleGanStepOptions& o,
                       const Tensor& x, const Tensor& y, CycleGanLosses* losses) {
  const ProfileScope span("generators");
  const RunOptions run = training_run();
  Tensor fake, same;
  if (o.identity > 0) std::tie(fake, same) = to.generator.run_both(x, y, run);
  else fake = to.generator.run(x, run);
  const Tensor gan = gan_loss(to.discriminator.run(fake, run), true, o.gan_loss);
  const Tensor cycle = l1_loss(back.generator.run(fake, run), x);
  Tensor total = add(gan, affine(cycle, o.cycle, 0));
  losses->gan += gan.item();
  losses->cycle += cycle.item();
  if (o.identity > 0) {
    const Tensor identity = l1_loss(same, y);
    losses->identity += identity.item();
    total = add(total, affine(identity, o.identity, 0));
  }
  const ProfileScope backward("generators backward");
  total.backward();
  return fake.detach();
}

double discriminator_phase(CycleGanSide& side, const Tensor& real, const Tensor& fake,
                           GanLoss kind) {
  const ProfileScope span("discriminators");
  zero_gradients(trained_parameters(side.discriminator));
  const Tensor loss = discriminator_loss(side.discriminator, real, side.pool.query(fake), kind);
  const double value = loss.item();
  loss.backward();
  side.discriminator_optimizer.step();
  return value;
}

}  // namespace

CycleGanSide::CycleGanSide(Graph g, Graph c, const CycleGanStepOptions& o, Rng pool_rng)
    : generator(with_gradients(std::move(g))),
      discriminator(with_gradients(std::move(c))),
      optimizer(adam_of(generator, o.lr)),
      discriminator_optimizer(adam_of(discriminator, o.lr)),
      pool(o.pool, pool_rng) {}

CycleGanLosses cyclegan_step(CycleGanSide& to_b, CycleGanSide& to_a, const CycleGanStepOptions& o,
                             float lr, const Tensor& a, const Tensor& b) {
  CycleGanLosses losses;
  for (CycleGanSide* s : {&to_b, &to_a}) {
    zero_gradients(trained_parameters(s->generator));
    s->discriminator.set_requires_grad(false);
  }
  // The two directions share no activations: one after the other needs half the memory.
  const Tensor fake_b = generator_phase(to_b, to_a, o, a, b, &losses);
  const Tensor fake_a = generator_phase(to_a, to_b, o, b, a, &losses);
  for (CycleGanSide* s : {&to_b, &to_a}) {
    s->optimizer.set_lr(lr);
    s->discriminator_optimizer.set_lr(lr);
    s->optimizer.step();
    s->discriminator.set_requires_grad(true);
  }
  losses.discriminator += discriminator_phase(to_b, b, fake_b, o.gan_loss);
  losses.discriminator += discriminator_phase(to_a, a, fake_a, o.gan_loss);
  return losses;
}

}  // namespace gsx
