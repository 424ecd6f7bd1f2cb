// What a step of training is told: plain numbers, whoever chose them.
#pragma once
#include "gs/losses/objective.h"

namespace gsx {

struct SlimmingOptions {
  GanLoss gan_loss = GanLoss::lsgan_mean;
  // Whether D's real pictures are the teacher's (the official code) or real ones (the paper).
  bool teacher_is_real = true;
  float beta = 20;         // weight of the distance
  float gan_weight = 1;    // 0: neither GAN loss nor discriminator steps
  float rho = 0;           // weight of the L1 term; the prox threshold is rho * lr_gamma
  bool keep_dead = false;  // scales that are zero stay zero
  bool prune = true;  // false: norm scales train like all else and there is no prox (finetuning)
  float lr = 1e-5f, lr_discriminator = 1e-5f, lr_gamma = 0.1f;
  float momentum = 0.5f;  // of the norm scales' SGD
  float beta1 = 0.5f, beta2 = 0.999f;
  float weight_decay = 1e-3f;  // coupled into Adam's gradient
  DistanceOptions distance;
  int pool = 50;  // generated pictures the discriminator is reminded of
};

// CycleGAN training of the teacher (PAPER.md 4.1): two generators, two PatchGANs.
struct DenseOptions {
  int width = 16, blocks = 4;
  int critic_width = 24;
  float lr = 4e-4f;  // Adam(0.5, 0.999); constant for half of the stage, then linear to 0
  float cycle = 10, identity = 5;
  int pool = 50;
  GanLoss gan_loss = GanLoss::lsgan_patch;  // also of the critic stage
};

}  // namespace gsx
