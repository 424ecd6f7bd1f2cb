// The steps of the integer program that are compiled for every instruction set, for its table.
#pragma once
#include "kernels/integer.h"

namespace gsx::kernels {

void quantized_weights(Exec&, const ChannelBlocks&, bool per_channel, const float* w,
                       const float* scales, int8_t* quantized);
void fused_pass(Exec&, const View&, const FusedPass&);
void norm_of_reals(Exec&, const View&, const float* x, const NormParameters&, const NormLine&);
void convolve_reals(Exec&, const ConvShape&, const float* x, const float* w, const float* bias,
                    float* y);

}  // namespace gsx::kernels
