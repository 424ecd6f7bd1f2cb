// Grouped convolution as one convolution per group, on copies of the group's channels: these have
// the layout that every algorithm is made for, and copying costs little beside multiplying.
#pragma once
#include "kernels/conv.h"

namespace gsx::kernels {

// As ConvKernels' functions, for shapes with several groups.
void grouped_forward(Exec&, const ConvShape&, const float* x, const float* w, const float* bias,
                     float* y);
void grouped_backward_input(Exec&, const ConvShape&, const float* gy, const float* w, float* gx);
void grouped_backward_weight(Exec&, const ConvShape&, const float* x, const float* gy,
                             bool accumulate, float* gw);
void grouped_quantized(Exec&, const ConvShape&, const QuantizedImage& x, const int8_t* packed,
                       int32_t* y);
// Quantised filters of every group as PackedQuantized, one group after the other.
std::vector<int8_t> pack_grouped_quantized(const ConvShape&, const int8_t* w);
void unpack_grouped_quantized(const ConvShape&, const int8_t* packed, int8_t* w);

}  // namespace gsx::kernels
