// Quantisation as a pass: puts a `quantize` node in front of every convolution's and linear layer's
// input (but the image), marks their weights as quantised (PAPER.md 1.3), and fits both to a
// network's values.
#pragma once
#include "models/graph.h"

namespace gsx {

struct QuantizeOptions {
  WeightQuant weights = {};  // grid and per-channel choice; the activations use the same grid
  float act_range = 0;  // p of every quantiser, e.g. the paper's 4 (never signed); 0: calibrate()
  double signed_above = 0.01;  // signed where more than this share of values is negative
};

void insert_quantizers(Graph&, const QuantizeOptions&);

// Fits a network with fresh quantisers to pictures of the sizes it is for (tens of them), from the
// values that full-precision runs over these batches [N,C,H,W] take:
// - p and signedness of every quantiser: the range that costs least by rounding and clipping;
// - where a quantiser reads a convolution directly, the scales of that convolution's channels, so
//   that one range suits all of them; in full precision the function stays;
// - the last shift, so that the pictures that leave the network are as bright as before.
void calibrate(Graph& graph, const std::vector<Tensor>& batches, const QuantizeOptions&);

// Sets the stored weight scales from the current weights (done before a trained graph is saved).
void freeze_weight_scales(Graph&);

}  // namespace gsx
