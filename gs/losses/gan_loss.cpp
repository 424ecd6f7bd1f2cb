// GAN losses on logits; see gan_loss.h.
#include "gs/losses/gan_loss.h"

#include "engine/ops.h"

namespace gsx {

namespace {

// The sum over the outputs of what `loss` says of each one's logits.
template <class Loss>
Tensor over_outputs(const std::vector<Tensor>& logits, const Loss& loss) {
  Tensor total = loss(logits[0]);
  for (size_t i = 1; i < logits.size(); ++i) total = add(total, loss(logits[i]));
  return total;
}

}  // namespace

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

Tensor generator_loss(const Graph& discriminator, const Tensor& images, GanLoss kind) {
  return over_outputs(discriminator.run(std::vector{images}, training_run()),
                      [&](const Tensor& logits) { return generator_loss(logits, kind); });
}

Tensor discriminator_loss(const Graph& discriminator, const Tensor& real, const Tensor& fake,
                          GanLoss kind) {
  const auto [on_real, on_fake] =
      discriminator.run_both(std::vector{real}, std::vector{fake}, training_run());
  const auto loss = [&](const std::vector<Tensor>& logits, bool as_real) {
    return over_outputs(logits, [&](const Tensor& l) { return gan_loss(l, as_real, kind); });
  };
  return affine(add(loss(on_real, true), loss(on_fake, false)), 0.5f, 0);
}

Tensor triplet_loss(const Graph& discriminator, const std::string& layer, const Tensor& real,
                    const Tensor& teacher, const Tensor& fake, float margin) {
  const int64_t n = real.dim(0);
  GSX_CHECK(teacher.dim(0) == n && fake.dim(0) == n,
            "triplet_loss: must have as many real images as teacher's and generated ones, got ", n,
            ", ", teacher.dim(0), " and ", fake.dim(0));
  const Tensor features =
      discriminator.run_layers(concat_batch({real, teacher, fake}), {layer}, training_run())[0];
  const auto apart = [&](int64_t i, int64_t j) {
    return l1_loss(slice_batch(features, i, 1), slice_batch(features, j, 1));
  };
  Tensor total;
  for (int64_t i = 0; i < n; ++i) {
    // max(0, 1 - x) of x = far - near + 1 - margin.
    const Tensor x = affine(sub(apart(i, 2 * n + i), apart(i, n + i)), 1, 1 - margin);
    const Tensor one = hinge_loss(x, Hinge::real);
    total = total.defined() ? add(total, one) : one;
  }
  return affine(total, 1 / static_cast<float>(n), 0);
}

}  // namespace gsx
