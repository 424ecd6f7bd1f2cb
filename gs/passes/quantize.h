// Quantisation as a pass: puts a `quantize` node in front of every convolution's and linear layer's
// input (but the image) and marks their weights as quantised (PAPER.md 1.3).
#pragma once
#include "models/graph.h"

namespace gsx {

struct QuantizeOptions {
  WeightQuant weights = {};  // grid and per-channel choice; the activations use the same grid
  float act_range = 0;  // p of every quantiser, e.g. the paper's 4 (never signed); 0: calibrate()
  double signed_above = 0.01;  // signed where more than this share of values is negative
};

void insert_quantizers(Graph&, const QuantizeOptions&);

// Sets the stored weight scales from the current weights (done before a trained graph is saved).
void freeze_weight_scales(Graph&);

}  // namespace gsx
