// Any network with fewer channels and fresh weights: what a narrow student is of a teacher that no
// architecture's name makes.
#pragma once
#include "models/graph.h"

namespace gsx {

// The same nodes, of which all that share channels (ChannelTies) keep this share of them, above 0
// and at most 1: rounded, at least one, evenly spread. Channels of inputs, outputs and feature
// layers stay, and those that a node pins. Quantisers are left out. Parameters have no values but
// constants, variables, and depthwise filters that are the same for every channel: such blur or
// sample, and were hardly learned. Error where no channel can go.
Graph fewer_channels(const Graph&, double share);

// Draws the weights that fewer_channels left without values from normal distributions: of a layer
// as large as the teacher's where it reads as many channels, and larger by the root of how many
// fewer it reads, so that signals stay as large. Gammas are as large as the teacher's, one as the
// other; shifts are the teacher's in channels of the outputs, and else 0.
void draw_weights(Graph& fewer, const Graph& teacher, const ContextPtr&, Rng&);

}  // namespace gsx
