// Direct convolution: every kernel size, stride and padding, either direction, without im2col.
#pragma once
#include "kernels/cpu/conv_geometry.h"
#include "kernels/cpu/moments.h"

namespace gsx::kernels {

// out = the correlations of `in` with w, plus bias (out.c floats or null). All correlations share
// in_step; together they write each output pixel once. What they write is added to `moments` (of
// `out`, which has more than four channels) unless that is null.
void correlate_direct(Exec&, const std::vector<Correlation>&, const View& in, const View& out,
                      PadMode, const Weights<float>& w, const float* x, const float* bias, float* y,
                      const ImageMoments* moments);

class PackedQuantized;

// The same on quantised values, exactly, and the sums of what they write unless those are null.
void correlate_quantized(Exec&, const std::vector<Correlation>&, const View& in, const View& out,
                         PadMode, const PackedQuantized& w, const QuantizedImage& x, int32_t* y,
                         ExactSums);

}  // namespace gsx::kernels
