// Layer by layer: what a network's output loses when the layer's weights are rounded, and when it
// loses channels.
#pragma once
#include <functional>
#include <optional>

#include "engine/random.h"
#include "gs/passes/sensitivity.h"

namespace gsx {

inline constexpr int kTenths = 10;

// Distances of the output to that of the network as it is, means over images.
struct LayerSensitivity {
  std::string name, kind;
  int channels = 0;     // that it makes
  int64_t weights = 0;  // how many
  // With this layer's weights in 8 and 4 bits and all else as it is; nothing where they have no
  // more than that already.
  std::optional<double> bits8, bits4;
  // Without one, two, ... nine tenths of the channels that can be pruned, those first that the
  // output moves least with (channel_movements); empty: none can.
  std::vector<double> tenths;
  int prunable = 0;  // so many can
  // The layer before that makes channels tied to all of these, whose tenths they are; empty: none.
  std::string tied_to;
};

// Of layers with weights, in the network's order. Inputs are of one size, each a list as Graph::run
// takes it. `progress` is told how many variants of how many have been measured. Error where
// outputs are not finite.
std::vector<LayerSensitivity> layer_sensitivities(
    const Graph&, const std::vector<std::vector<Tensor>>& inputs, const OutputDistance&, Rng&,
    const std::function<void(int done, int all)>& progress = {});

// 10 log10 of the outputs' mean square over this mean square difference; at most 200.
double signal_to_noise(const std::vector<Tensor>& outputs, double mean_square_difference);

}  // namespace gsx
