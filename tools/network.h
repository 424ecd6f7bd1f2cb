// Networks as users name them: files, or architectures by their bare names.
#pragma once
#include <string>

#include "models/import/import.h"
#include "tools/command_line.h"

namespace gsx::tools {

struct NetworkOptions {
  std::string model;          // a gsx model file, or ARCH[,KEY=VALUE...][:weights.safetensors]
  int width = 0, blocks = 0;  // of a bare architecture; 0: its own
  std::string architecture;   // that a file of weights is of; empty: told from the file
};

// Adds --width, --blocks and --arch.
void add_network_options(const Command&, NetworkOptions&);

// What --help says of an argument that names a model.
inline constexpr const char* kModelHelp =
    "a gsx model, an ONNX file, or weights that others saved (.pth, .pt, .ckpt, .bin, "
    ".safetensors, .npz), before which ARCH[,KEY=VALUE...]: says what the file does not (keys: gsx "
    "inspect --help)";

// Misuse for a name that can be no model's, whatever files there are; `flag` begins its sentence.
// Nothing is a name that was not given.
void check_model(const std::string& flag, const std::string& spec, bool with_weights = true);

// A bare architecture has no weights: it can be asked for its structure, not run. prepacked: as
// load_model.
Graph open_network(const ContextPtr&, const NetworkOptions&, bool prepacked = false);
// The same with what was found out about a file; a bare architecture has no notes.
// values: as ImportOptions.
Imported open_noted_network(const ContextPtr&, const NetworkOptions&, bool prepacked = false,
                            bool values = true);
// Opens a file's network and tells on stderr what its user should know, where it is no gsx model.
Graph open_told(const ContextPtr&, const std::string& spec, bool prepacked = false,
                const std::string& in_run = "model.safetensors");
// A bare architecture gets fresh weights, the same every time.
Graph open_runnable_network(const ContextPtr&, const NetworkOptions&, bool prepacked = false);

// Vector i [1,length] of independent numbers N(0,1) under a seed, whatever others are drawn.
Tensor numbered_noise(const ContextPtr&, int64_t length, uint64_t seed, int64_t i);

}  // namespace gsx::tools
