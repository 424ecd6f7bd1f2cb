// The form of `add` in which a side may repeat, as a file asks for it.
#pragma once
#include "models/nodes.h"

namespace gsx::nodes {

NodePtr broadcasting_add_from(std::string name, std::vector<int> inputs);

}  // namespace gsx::nodes
