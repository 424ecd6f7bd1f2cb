// An open model behind the C interface, and what opens one.
#pragma once
#include <functional>
#include <string>

#include "models/graph.h"
#include "tools/c/failures.h"

struct gsx_model {
  gsx::Graph graph;
  std::string description;
};

namespace gsx::c {

// A model by `open`, which makes the graph in a context; null, with the failure kept for
// `function`, where that fails.
gsx_model* opened(const char* function, const gsx_options* options,
                  const std::function<Graph(const ContextPtr&)>& open) noexcept;

// Misuse unless an argument is there.
void need(bool there, const char* what);

}  // namespace gsx::c
