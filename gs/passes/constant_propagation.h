// Which channels of a graph hold one value at every pixel of every image, and which value.
#pragma once
#include <optional>

#include "models/channels.h"

namespace gsx {

// Whether a node reads its input's channels freely: makes channels from them, and has not been left
// with a constant of which the input only gives the size.
bool reads_channels(const Node&);

// Per node and channel; nullopt: varies.
using ChannelConstants = std::vector<std::vector<std::optional<float>>>;

// What the parameters as they are make constant. What is read freely is taken to vary; a
// convolution that is left with a constant alone makes one. `made_offset` is added to those: what
// changes with it depends on how they are rounded.
ChannelConstants channel_constants(const Graph&, const std::vector<Shape>& shapes,
                                   float made_offset = 0);

// What would be constant if every gamma were zero, whatever the shifts are: values mean
// nothing.
ChannelConstants prunable_constants(const Graph&, const std::vector<Shape>& shapes);

// Groups of tied channels (ChannelTies::group) that may vanish together: none of them belongs to an
// input, an output or a feature layer of the network, nothing pins them, and whatever reads them
// freely, or counts them, reads constants.
std::vector<bool> removable_groups(const Graph&, const std::vector<Shape>& shapes,
                                   const ChannelTies&, const ChannelConstants&);

}  // namespace gsx
