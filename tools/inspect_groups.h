// What gsx inspect --groups says of a network's channels.
#pragma once
#include <string>

#include "models/graph.h"

namespace gsx::tools {

// The channels that training would prune together, with scales inserted as it inserts them, and
// those that stay. size: side of the images that MACs are counted for.
// As {"groups": [...], "staying": [...]}.
Json groups_json(const Graph&, int size);
// As two tables, several lines.
std::string groups_text(const Graph&, int size);

}  // namespace gsx::tools
