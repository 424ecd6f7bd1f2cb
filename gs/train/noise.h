// What runs need to know where a teacher makes its images from noise.
#pragma once
#include "gs/train/stage.h"

namespace gsx {

// How many numbers the run's teacher takes, be it one that is given or one that the recipe trains;
// 0: it takes images, or cannot be opened, which is told when it is needed.
int64_t noise_of_teacher(const TrainConfig&, const Recipe&, const ContextPtr&);
// The side of the images that a given teacher makes from noise; 0: it does not.
int noise_image_side(const TrainConfig&);

// [n,length] of independent numbers N(0,1).
Tensor draw_noise(const ContextPtr&, int64_t n, int64_t length, Rng&);

// SNGAN's networks with fresh weights, for the run's size, which is one that they make.
Graph fresh_sngan(const RunState&, Rng&);
Graph fresh_sngan_discriminator(const RunState&, Rng&);

}  // namespace gsx
