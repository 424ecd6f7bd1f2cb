// Networks of runs whose teacher makes its images from noise.
#pragma once
#include "gs/train/stage.h"

namespace gsx {

// [n,length] of independent numbers N(0,1).
Tensor draw_noise(const ContextPtr&, int64_t n, int64_t length, Rng&);

// SNGAN's networks with fresh weights, for the run's size, which is one that they make.
Graph fresh_sngan(const RunState&, Rng&);
Graph fresh_sngan_discriminator(const RunState&, Rng&);

}  // namespace gsx
