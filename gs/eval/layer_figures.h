// Layer by layer: what pruning left of a network, and what rounding costs it.
#pragma once
#include <optional>

#include "models/graph.h"

namespace gsx {

struct LayerFigures {
  std::string name, kind;
  int kept = 0, original = 0;  // output channels, now and before pruning
  double macs = 0;             // of one image of the first one's size
  int64_t params = 0, weight_bytes = 0;
  int weight_bits = 32;  // fewer when quantised
  struct Rounding {
    float range = 0;  // the quantiser's p: values are kept within [0, p], signed within [-p, p]
    bool is_signed = false;
    double snr = 0;        // dB: squares of the values over those of what rounding moved them
    double saturated = 0;  // the share of values beyond the range
  };
  std::optional<Rounding> input;     // where a quantiser stands in front
  std::optional<double> weight_snr;  // dB; where the unrounded weights are known
};

// The layers of `model` that have parameters, on images [1,C,H,W] in its input format, at least
// one. `unrounded`: the same network with its weights in full precision, or null. An SNR of values
// that rounding does not move at all is 200.
std::vector<LayerFigures> layer_figures(const Graph& model, const Graph* unrounded,
                                        const std::vector<Tensor>& images);

Json to_json(const std::vector<LayerFigures>&);

}  // namespace gsx
