// Colours of one image taken over from another (Gatys et al. 2016, colour histogram transfer by
// linear maps; PAPER.md section 5).
#pragma once
#include "engine/io/image.h"

namespace gsx {

// Every pixel x of `image` becomes A (x - m) + n, clipped and rounded, with which the mean and the
// covariance of its colours are the reference's: A = S^(1/2) C^(-1/2), m and C of the image, n and
// S of the reference, by symmetric roots. Directions in which an image has no variation get none.
Image match_colours(const Image& image, const Image& reference);

}  // namespace gsx
