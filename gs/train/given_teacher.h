// Opens the teacher that a run is given, with what its file does not say.
#pragma once
#include "gs/train/stage.h"

namespace gsx {

// The network of --teacher: its images' values and channel order as --input-range and --input-order
// say, else as its file or a grey card tells; and the second input it is going to be given, where
// it takes one, as --second-input or its name says. What was found out is told; Error where it
// cannot be and nobody says it.
Graph open_given_teacher(const RunState&);

// Which values are black and white for an image-to-image network whose file does not say, by what
// it makes of a card of all greys: the range in which that comes back at about its brightness.
// Nothing where several do, or none. The network is run thrice.
std::optional<ImageFormat> range_by_card(const Graph&, const ContextPtr&);

}  // namespace gsx
