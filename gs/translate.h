// Images through a generator, whatever their size.
#pragma once
#include "models/graph.h"

namespace gsx {

// graph.evaluate(x) for images x [N,C,H,W] in the input format, in the output format, of x's
// size or, of a network that enlarges, image_scale() times that: where the network would give back
// another size or cannot take x, x is mirrored outwards to a size that it keeps and the result
// cropped. Vectors [N,F] go in as they are. `second`: of networks of two inputs, unless it is what
// they remember (gs/second_input.h). by_bands: in less memory, as evaluate_by_bands
// (models/memory_need.h) does it; the same bits. No gradient.
Tensor translate(const Graph& graph, Tensor x, const Tensor& second = {}, bool by_bands = false);

// How many times larger than its input, along both axes, a network gives an image back: 1 for most,
// 4 for an upscaler by 4; 0 for what is not given one image, alone or with a vector, or gives none
// back of a whole multiple.
int64_t image_scale(const Graph& graph);

// The same for an image alone: 0 also where a second input would have to be given, which a network
// remembers unless it is drawn.
int64_t image_scale_alone(const Graph& graph);

// How many numbers a network takes that makes its images of one vector [N,F]; 0 for all others.
int64_t noise_length(const Graph& graph);

// x as translate() mirrors it: of the nearest size at least as large that the network keeps. Error,
// which says what sizes there are, when there is none near.
Tensor mirrored_to_fit(const Graph& graph, const Tensor& x);

// Bytes that a caller needs of the host beside what translate() needs: before it, at the same time
// and after it.
struct HostBytes {
  double before = 0, during = 0, after = 0;
};
struct Room {
  double bytes = 0;       // that all of it takes, about; 0: it was not looked for
  bool by_bands = false;  // it fits only where translate() goes by bands
};
// Room for all that, for images of this shape. Error where the processor's memory or `most`, the
// bytes that the process may hold, is too small; what it lets pass fits, at any limit. Nothing is
// checked where the network is on another device.
[[nodiscard]] Room check_room(const Graph& graph, const Shape& images, const HostBytes& = {},
                              uint64_t most = UINT64_MAX);
std::string memory_text(double bytes);  // "480 MB", "1.2 GB"

}  // namespace gsx
