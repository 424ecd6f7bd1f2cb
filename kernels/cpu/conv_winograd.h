// Winograd convolution F(4x4, 3x3) of 3x3 taps at stride 1: 36 products where direct takes 144.
#pragma once
#include "kernels/cpu/conv_geometry.h"

namespace gsx::kernels {

// Whether the algorithm applies, and whether it pays: decided on the shape alone.
bool winograd_possible(const std::vector<Correlation>&, const View& in, const View& out);
bool winograd_pays(const View& in, const View& out);

// As correlate_direct, for one correlation that winograd_possible accepts.
void correlate_winograd(Exec&, const Correlation&, const View& in, const View& out, PadMode,
                        const Weights<float>& w, const float* x, const float* bias, float* y);

bool winograd_weight_possible(const ConvShape&);
bool winograd_weight_pays(const ConvShape&);
void weight_gradient_winograd(Exec&, const ConvShape&, const float* x, const float* gy,
                              bool accumulate, float* gw);

}  // namespace gsx::kernels
