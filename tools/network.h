// Networks as users name them: files, or architectures by their bare names.
#pragma once
#include <CLI/CLI.hpp>
#include <string>

#include "models/graph.h"

namespace gsx::tools {

struct NetworkOptions {
  std::string model;          // a gsx model file, ARCH:weights.safetensors, or an architecture
  int width = 0, blocks = 0;  // of a bare architecture; 0: its own
};

// Adds --width and --blocks.
void add_network_options(CLI::App&, NetworkOptions&);

// A bare architecture gets fresh weights, the same every time. `command` stands in messages.
Graph open_network(const ContextPtr&, const NetworkOptions&, const std::string& command);

}  // namespace gsx::tools
