// Networks out of files that others wrote. Which reader reads a file is told from its content,
// never from its name; every reader makes a Graph, and nothing else in the house knows a foreign
// format.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "engine/io/input_file.h"
#include "models/graph.h"

namespace gsx {

struct ImportOptions {
  // Of a file of weights: the architecture that its tensors are of, by its name on the command
  // line; empty: told from their names and shapes.
  std::string architecture;
  // What the file cannot say, by the names of make_architecture's options ("order", "eps"), and
  // "part": which of several networks in one file is meant.
  Json options = Json::object();
  bool prepacked = false;  // as load_model
  // false: values are read and checked, but the graph has none, as for looking at its layers.
  bool values = true;
};

struct Imported {
  Graph graph;         // with values
  std::string format;  // what the file is, as messages say it: "a PyTorch file (.pth, .pt)"
  // One sentence each, for people: what was found and why, and what may be other than expected.
  std::vector<std::string> notes;
};

// Opens a file of any kind that gsx reads: its own models, weights of an architecture it knows, and
// what the other readers take. Error, one sentence, where the file is none of these, is damaged, or
// holds what cannot be read exactly.
Imported import_model(const ContextPtr&, const std::filesystem::path&, const ImportOptions& = {});

// The same for what a user names, FILE or ARCH[,KEY=VALUE...]:FILE; see open_model.
Imported import_named(const ContextPtr&, const std::string& spec, bool prepacked = false,
                      const std::string& in_run = "model.safetensors", bool values = true);

// Other files that a model's file keeps values in, as ONNX's external data: what nobody who writes
// results may replace. None where it keeps none, or is no file that is read.
std::vector<std::filesystem::path> files_beside(const std::filesystem::path&);

// One kind of file. `recognises` looks at a few bytes and must not throw for any content.
struct ModelReader {
  const char* name;
  bool (*recognises)(const InputFile&);
  Imported (*read)(const ContextPtr&, const std::filesystem::path&, const ImportOptions&);
};

}  // namespace gsx
