// Depthwise convolution: as many groups as channels, so that output channel c sees input channel c
// alone. Its filter [C,1,R,S] lies as R S 1 C, channels side by side as in the images.
#pragma once
#include "kernels/cpu/conv_geometry.h"

namespace gsx::kernels {

// y = the correlations of x, channel by channel. The filter is the same either way round, having
// one input channel.
void depthwise(Exec&, const std::vector<Correlation>&, const View& in, const View& out, PadMode,
               const FilterView&, const float* x, const float* w, const float* bias, float* y);
void depthwise_quantized(Exec&, const std::vector<Correlation>&, const View& in, const View& out,
                         PadMode, const FilterView&, const int16_t* x, const int8_t* w, int32_t* y);
// gw (+)= d<y, gy>/dw.
void depthwise_weight(Exec&, const ConvShape&, const float* x, const float* gy, bool accumulate,
                      float* gw);

}  // namespace gsx::kernels
