// One step of training a generator that draws photos in a style as Sanakoyeu et al. train it
// (PAPER.md 2.6), usable on its own.
#pragma once
#include "gs/step_options.h"
#include "optim/adam.h"

namespace gsx {

// Images [N,3,H,W], each pixel the mean of the 10 x 10 around it, those beyond the border left out:
// the four rows above and columns left of it, and the five below and right. H, W >= 5.
Tensor transformed_image(const Tensor&);

struct StyleAwareLosses {
  bool generator = true;  // whose turn it was
  // The generator's terms, without their weights; or the discriminator's sum.
  double gan = 0, image = 0, features = 0, discriminator = 0;
  double accuracy = 0;  // in which part of its judgements that player was right
};

// Two networks and their optimisers. The generator learns, where the discriminator has lately been
// right often enough, else the discriminator: its success is a running mean that begins at the
// rate asked for.
class StyleAwareStep {
 public:
  StyleAwareStep(Graph generator, Graph discriminator, const StyleAwareStepOptions&);

  // One of the two learns: the generator from photos [N,3,H,W], the discriminator from these and
  // paintings, both in image format -1..1. Returns the losses before the update.
  StyleAwareLosses step(const Tensor& photos, const Tensor& paintings);
  void set_lr(float);

  Graph generator, discriminator;
  Adam optimizer, discriminator_optimizer;
  double success;  // of the discriminator, lately

 private:
  StyleAwareLosses generator_phase(const Tensor& photos);
  StyleAwareLosses discriminator_phase(const Tensor& photos, const Tensor& paintings);
  // Logits of every scale.
  std::vector<Tensor> judge(const Tensor& images) const;

  StyleAwareStepOptions options_;
};

}  // namespace gsx
