// GAN losses on logits; see gan_loss.h.
#include "gs/losses/gan_loss.h"

#include "engine/ops.h"

namespace gsx {

RunOptions training_run() {
  RunOptions options;
  options.training = true;
  return options;
}

Tensor gan_loss(const Tensor& logits, bool real, GanLoss kind) {
  const float target = real ? 1.0f : 0.0f;
  switch (kind) {
    case GanLoss::lsgan_mean:
      return mse_to(logits.shape().rank() == 4 ? global_avg_pool(logits) : logits, target);
    case GanLoss::lsgan_patch: return mse_to(logits, target);
    case GanLoss::log: return bce_with_logits(logits, target);
    case GanLoss::hinge: return hinge_loss(logits, real ? Hinge::real : Hinge::fake);
  }
  fail("gan_loss: unknown kind");
}

Tensor generator_loss(const Tensor& logits, GanLoss kind) {
  return kind == GanLoss::hinge ? hinge_loss(logits, Hinge::generator)
                                : gan_loss(logits, true, kind);
}

Tensor discriminator_loss(const Graph& discriminator, const Tensor& real, const Tensor& fake,
                          GanLoss kind) {
  const auto [on_real, on_fake] = discriminator.run_both(real, fake, training_run());
  return affine(add(gan_loss(on_real, true, kind), gan_loss(on_fake, false, kind)), 0.5f, 0);
}

}  // namespace gsx
