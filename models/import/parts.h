// What a file of weights may hold beside, or instead of, one whole network.
#pragma once
#include <string>
#include <vector>

#include "models/import/detect.h"

namespace gsx {

// The parts of its names up to the first dot under which a network could lie, in the file's order:
// none where they are so many that they are a network's layers.
std::vector<std::string> network_parts(const Weights&);

// Notes the convolutions that nothing norms and that have no bias where the network's others have
// one: of a whole network's weights a tensor may be lost.
void note_missing_biases(Candidate&);

}  // namespace gsx
