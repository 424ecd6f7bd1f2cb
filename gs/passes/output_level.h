// The brightness of what a quantised network makes.
#pragma once
#include "models/graph.h"

namespace gsx {

// Means of an image's channels.
using ChannelMeans = std::vector<double>;

// What people see of an output [N,C,H,W]: the means of its channels, clipped to the format.
ChannelMeans output_means(const Tensor& y, const ImageFormat& format);

// Moves the last bias or norm shift of a quantised network so that, on average over the batches
// (of each input one tensor, of one image), the integer program's output has these means, one set
// per image. Nothing happens to a network whose last such shift does not lead straight to its
// output. Shifts further in need no such care: the instance norm behind them takes out a channel's
// mean, and else this last one makes up for it.
void match_output_means(Graph&, const std::vector<std::vector<Tensor>>& batches,
                        const std::vector<ChannelMeans>& wanted);

}  // namespace gsx
