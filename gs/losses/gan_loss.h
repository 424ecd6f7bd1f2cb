// GAN losses: what a discriminator is trained for, and a generator by it (Eq. 1).
#pragma once
#include "models/graph.h"

namespace gsx {

// How networks run while they train.
RunOptions training_run();

// On a discriminator's logits [N,1,P,Q] (or [N,1]).
enum class GanLoss : uint8_t {
  lsgan_mean,   // (mean over the map - target)^2: the official GAN Slimming code
  lsgan_patch,  // mean over the map of (logit - target)^2: CycleGAN
  log,          // -log sigmoid(+-logit), mean over the map (Eq. 1; the generator's is the
                // non-saturating form -log D(G(x)))
  hinge,        // max(0, 1 -+ logit), mean over the map; the generator's is -logit: SNGAN
};
Tensor gan_loss(const Tensor& logits, bool real, GanLoss);
// What a generator learns from: mostly the loss of a discriminator that should call it real.
Tensor generator_loss(const Tensor& logits, GanLoss);

// Of a discriminator with several outputs, each of which judges an image at another scale, these
// losses are sums over the outputs. images [N,C,H,W], in its input format.
Tensor generator_loss(const Graph& discriminator, const Tensor& images, GanLoss);
// What a discriminator learns from: the mean of its losses on real and on generated images.
Tensor discriminator_loss(const Graph& discriminator, const Tensor& real, const Tensor& fake,
                          GanLoss);
// What keeps the features F of real images [N,3,H,W], those of the discriminator's node `layer`,
// nearer to the teacher's than to generated ones: the mean over images of
//   max(0, mean |F(real) - F(teacher)| - mean |F(real) - F(fake)| + margin)
// (GD, PAPER.md 4.1). As many images of each.
Tensor triplet_loss(const Graph& discriminator, const std::string& layer, const Tensor& real,
                    const Tensor& teacher, const Tensor& fake, float margin);

}  // namespace gsx
