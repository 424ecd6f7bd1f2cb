// Fits the quantisers of a network to the values that it takes on images.
#pragma once
#include "gs/passes/quantize.h"

namespace gsx {

// Fits a network with fresh quantisers to images of the sizes it is for (tens of them), from the
// values that full-precision runs over these batches [N,C,H,W] take:
// - p and signedness of every quantiser: the range that costs least by rounding and clipping;
// - where a quantiser reads a convolution directly, the scales of that convolution's channels, so
//   that one range suits all of them; in full precision the function stays;
// - the last shift, so that the images that leave the network are as bright as before.
void calibrate(Graph& graph, const std::vector<Tensor>& batches, const QuantizeOptions&);
// The same of a network of several inputs: batches hold one tensor for each.
void calibrate_inputs(Graph& graph, const std::vector<std::vector<Tensor>>& batches,
                      const QuantizeOptions&);

}  // namespace gsx
