// Convolution of quantised values by exact Winograd: the same bits as direct convolution.
#pragma once
#include "kernels/cpu/packed_quantized.h"

namespace gsx::kernels {

// Whether this convolution can be computed so: 3x3 neighbouring taps without strides, more than
// four channels on either side, values in `range` whose transforms fit 16 bits, sums below 2^29,
// and an instruction set in use that has vectors.
bool exact_winograd_possible(const ConvShape&, const IntegerRange& range);

// Whether transforms cost less than the products they save. kept: filters are there already.
bool exact_winograd_pays(const ConvShape&, bool kept);

// As correlate_quantized.
void correlate_exact_winograd(Exec&, const ConvShape&, const PackedQuantized& w,
                              const QuantizedImage& x, int32_t* y, ExactSums);

}  // namespace gsx::kernels
