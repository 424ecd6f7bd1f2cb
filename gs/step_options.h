// What a step of training is told: plain numbers, whoever chose them. Their defaults are those of
// the built-in methods.
#pragma once
#include "gs/losses/distance.h"
#include "gs/losses/gan_loss.h"
#include "gs/passes/channels.h"

namespace gsx {

// Adam moves every weight by about its rate, and instance norm makes a network indifferent to the
// scale of its weights: so what a rate does depends on its ratio to the weights' root mean square,
// which is 0.02 in one teacher and 0.2 in another.
inline constexpr float kRelativeRate = 0.015f;
inline constexpr float kFreshRate = 1e-3f;  // of a narrow student with fresh weights

struct SlimmingOptions {
  GanLoss gan_loss = GanLoss::lsgan_mean;
  // Whether D's real images are the teacher's (the official code) or real ones (the paper).
  bool teacher_is_real = true;
  float beta = 20;       // weight of the distance
  float gan_weight = 1;  // 0: neither GAN loss nor discriminator steps
  // Weight of what the discriminator learns from real, teacher's and student's images together
  // (triplet_loss); and its margin.
  float triplet = 0, margin = 1;
  float rho = 0;           // weight of the L1 term; the prox threshold is rho * lr_gamma
  bool keep_dead = false;  // scales that are zero stay zero
  bool prune = true;       // false: gammas train like all else and there is no prox (finetuning)
  PruneBy prune_by = PruneBy::both;
  // lr suits weights of root mean square 0.02; runs derive theirs from the teacher's weights.
  float lr = kRelativeRate * 0.02f, lr_discriminator = 2e-4f;
  // The official 0.1 is for its unnormalised distance; with ours it wrecks the student.
  float lr_gamma = 0.01f;
  float momentum = 0.5f;  // of the gammas' SGD
  float beta1 = 0.5f, beta2 = 0.999f;
  float weight_decay = 0;  // coupled into Adam's gradient; the official code has 1e-3
  DistanceOptions distance;
  int pool = 50;  // generated images the discriminator is reminded of
};

// CycleGAN training of the teacher (PAPER.md 4.1): two generators, two PatchGANs.
struct CycleGanStepOptions {
  float lr = 2e-4f;  // Adam(0.5, 0.999)
  float cycle = 10, identity = 5;
  int pool = 50;
  GanLoss gan_loss = GanLoss::lsgan_patch;
};

// Training of a generator of images from noise, as SNGAN is trained (PAPER.md 2.4).
struct SnganStepOptions {
  GanLoss gan_loss = GanLoss::hinge;
  float lr = 2e-4f;  // Adam(0, 0.9), both networks'
  float beta1 = 0, beta2 = 0.9f;
  int updates = 5;         // of the discriminator in each step
  float average = 0.999f;  // what is kept of the averaged weights each step; 0: no average
};

// pix2pix training of the teacher (Isola et al. 2017): one generator, a PatchGAN that judges pairs.
struct PairedStepOptions {
  float lr = 2e-4f;  // Adam(0.5, 0.999)
  float l1 = 100;
  GanLoss gan_loss = GanLoss::log;
};

// Style-aware training of the teacher (Sanakoyeu et al. 2018): one generator, a discriminator of
// several scales. The two take turns by how often the discriminator is right.
struct StyleAwareStepOptions {
  float lr = 2e-4f;  // Adam(0.9, 0.999), both networks'
  float beta1 = 0.9f, beta2 = 0.999f;
  float image = 100, features = 100;  // weights of the transformed image and of the encoder's loss
  float success = 0.8f;  // the discriminator learns while it is right in less than this part
  GanLoss gan_loss = GanLoss::log;
};

// CartoonGAN training of the teacher (Chen et al. 2018): one generator, a PatchGAN.
struct CartoonStepOptions {
  float lr = 2e-4f;    // Adam(0.5, 0.999)
  float content = 10;  // weight of the content loss
  GanLoss gan_loss = GanLoss::log;
};

}  // namespace gsx
