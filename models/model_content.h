// A model file in memory, for whoever writes it along with others.
#pragma once
#include <string>

#include "models/graph.h"

namespace gsx {

// What save_model() writes.
std::string model_content(const Graph&);

}  // namespace gsx
