// Gradient of convolution weights, as sums of outer products of the two images over pixels.
#pragma once
#include "kernels/cpu/conv_geometry.h"

namespace gsx::kernels {

void weight_gradient_direct(Exec&, const ConvShape&, const float* x, const float* gy,
                            bool accumulate, float* gw);

}  // namespace gsx::kernels
