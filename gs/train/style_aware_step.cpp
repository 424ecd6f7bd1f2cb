// A step of style-aware training; see style_aware_step.h.
#include "gs/train/style_aware_step.h"

#include <algorithm>

#include "engine/profile_scope.h"
#include "gs/train/trained.h"
#include "models/architectures.h"

namespace gsx {

namespace {

constexpr int kAround = 10;       // pixels a transformed image is the mean of, along each axis
constexpr double kForget = 0.05;  // of the running mean

// The sum over scales, each of which counts alike.
Tensor loss_of(const std::vector<Tensor>& scales, bool real, GanLoss kind) {
  Tensor total = gan_loss(scales[0], real, kind);
  for (size_t i = 1; i < scales.size(); ++i) total = add(total, gan_loss(scales[i], real, kind));
  return total;
}

// The part of the logits that say so, the mean over scales. What counts as real is a logit above
// one half, as in the authors' code.
double part_that_says(const std::vector<Tensor>& scales, bool real) {
  constexpr float kReal = 0.5f;
  double sum = 0;
  for (const Tensor& logits : scales) {
    const std::vector<float> values = logits.to_vector();
    const auto said = std::count_if(values.begin(), values.end(),
                                    [&](float v) { return real ? v > kReal : v < kReal; });
    sum += static_cast<double>(said) / static_cast<double>(values.size());
  }
  return sum / static_cast<double>(scales.size());
}

Tensor seen_by(const Graph& network, const Tensor& images, const ImageFormat& format) {
  return convert_images(images, format, network.input_format);
}

}  // namespace

Tensor transformed_image(const Tensor& x) {
  const Tensor y = avg_pool(x, {.size = kAround, .stride = 1, .pad = kAround / 2});
  return slice(y, {}, {.begin = 1}, {.begin = 1});
}

StyleAwareStep::StyleAwareStep(Graph g, Graph d, const StyleAwareStepOptions& o)
    : generator(with_gradients(std::move(g))),
      discriminator(with_gradients(std::move(d))),
      optimizer(adam_of(generator, o.lr, o.beta1, o.beta2)),
      discriminator_optimizer(adam_of(discriminator, o.lr, o.beta1, o.beta2)),
      success(o.success),
      options_(o) {}

void StyleAwareStep::set_lr(float lr) {
  optimizer.set_lr(lr);
  discriminator_optimizer.set_lr(lr);
}

std::vector<Tensor> StyleAwareStep::judge(const Tensor& images) const {
  return discriminator.run(std::vector{images}, training_run());
}

StyleAwareLosses StyleAwareStep::generator_phase(const Tensor& photos) {
  const ProfileScope span("generator");
  zero_gradients(trained_parameters(generator));
  discriminator.set_requires_grad(false);
  const std::vector<Tensor> of_photo = generator.run_layers(
      seen_by(generator, photos, kImageFormat),
      {kStyleAwareEncoding, generator.node(generator.output()).name}, training_run());
  const Tensor &encoded = of_photo[0], &made = of_photo[1];
  const Tensor made_image = convert_images(made, generator.output_format, kImageFormat);
  const std::vector<Tensor> scales = judge(seen_by(discriminator, made, generator.output_format));
  const Tensor gan = loss_of(scales, true, options_.gan_loss);
  const Tensor image = mse_loss(transformed_image(made_image), transformed_image(photos));
  const Tensor again = generator.run_layers(seen_by(generator, made, generator.output_format),
                                            {kStyleAwareEncoding}, training_run())[0];
  const Tensor features = l1_loss(again, encoded);
  add(gan, add(affine(image, options_.image, 0), affine(features, options_.features, 0)))
      .backward();
  discriminator.set_requires_grad(true);
  StyleAwareLosses losses;
  losses.gan = gan.item();
  losses.image = image.item();
  losses.features = features.item();
  losses.accuracy = part_that_says(scales, true);
  optimizer.step();
  return losses;
}

StyleAwareLosses StyleAwareStep::discriminator_phase(const Tensor& photos,
                                                     const Tensor& paintings) {
  const ProfileScope span("discriminator");
  Tensor made;
  {
    const NoGrad no_grad;
    made = generator.run(seen_by(generator, photos, kImageFormat), training_run());
  }
  zero_gradients(trained_parameters(discriminator));
  const auto on_painting = judge(seen_by(discriminator, paintings, kImageFormat));
  const auto on_photo = judge(seen_by(discriminator, photos, kImageFormat));
  const auto on_made = judge(seen_by(discriminator, made, generator.output_format));
  const Tensor loss = add(
      loss_of(on_painting, true, options_.gan_loss),
      add(loss_of(on_photo, false, options_.gan_loss), loss_of(on_made, false, options_.gan_loss)));
  loss.backward();
  StyleAwareLosses losses;
  losses.generator = false;
  losses.discriminator = loss.item();
  losses.accuracy = (part_that_says(on_painting, true) + part_that_says(on_photo, false) +
                     part_that_says(on_made, false)) /
                    3;
  discriminator_optimizer.step();
  return losses;
}

StyleAwareLosses StyleAwareStep::step(const Tensor& photos, const Tensor& paintings) {
  const bool fooled = success >= options_.success;
  const StyleAwareLosses losses =
      fooled ? generator_phase(photos) : discriminator_phase(photos, paintings);
  const double right = fooled ? 1 - losses.accuracy : losses.accuracy;
  success = (1 - kForget) * success + kForget * right;
  return losses;
}

}  // namespace gsx
