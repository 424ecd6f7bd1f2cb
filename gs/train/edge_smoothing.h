// Cartoons without their clear edges: what a discriminator of CartoonGAN learns to refuse (Chen et
// al. 2018, section 3.2.1).
#pragma once
#include <cstdint>
#include <vector>

#include "engine/io/image.h"

namespace gsx {

// Where an image has edges, by Canny's method: height x width, 255 on an edge, 0 elsewhere. Grey
// levels 0.299 R + 0.587 G + 0.114 B; Sobel gradients with repeated borders, their size |gx| +
// |gy|; ridges of it above `high`, and those above `low` that touch such.
std::vector<uint8_t> canny_edges(const Image&, int low = 100, int high = 200);

// The image blurred (5 x 5 binomial, borders repeated) wherever an edge lies within two pixels,
// diagonals included; elsewhere as it is.
Image smooth_edges(const Image&);

}  // namespace gsx
