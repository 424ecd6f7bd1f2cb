// One step of CycleGAN training (PAPER.md 4.1), usable on its own.
#pragma once
#include "gs/losses/image_pool.h"
#include "gs/step_options.h"
#include "optim/adam.h"

namespace gsx {

// One direction: the generator that makes images of a domain, and the discriminator there.
struct CycleGanSide {
  CycleGanSide(Graph generator, Graph discriminator, const CycleGanStepOptions&, Rng pool_rng);
  Graph generator, discriminator;
  Adam optimizer, discriminator_optimizer;
  ImagePool pool;
};

// Sums over both directions; the generators' are unweighted.
struct CycleGanLosses {
  double gan = 0, cycle = 0, identity = 0, discriminator = 0;
};

// Both generators, then both discriminators, learn from images a and b [N,3,H,W] of the two
// domains: to_b makes b's images of a's, to_a the other way. Returns the losses before the step.
CycleGanLosses cyclegan_step(CycleGanSide& to_b, CycleGanSide& to_a, const CycleGanStepOptions&,
                             float lr, const Tensor& a, const Tensor& b);

}  // namespace gsx
