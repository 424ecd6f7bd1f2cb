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

// Why tied channels must stay, and the node it is because of: one of them is that input's, output's
// or feature layer's; the node pins them (Node::pins_input); or it reads them freely, or counts
// them, and what it reads is no constant.
struct Stay {
  enum class Why : uint8_t { no, input, output, feature_layer, pinned, read } why = Why::no;
  int node = -1;
  friend auto operator<=>(const Stay&, const Stay&) = default;
};
// The first reason found, per group of tied channels (ChannelTies::group).
std::vector<Stay> staying_groups(const Graph&, const std::vector<Shape>& shapes, const ChannelTies&,
                                 const ChannelConstants&);
// Groups of tied channels that may vanish together: those with no reason to stay.
std::vector<bool> removable_groups(const Graph&, const std::vector<Shape>& shapes,
                                   const ChannelTies&, const ChannelConstants&);

}  // namespace gsx
