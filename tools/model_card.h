// The README.md beside an exported model: what the Hub asks for in its front matter, what is known
// of the model, and four lines that run it. Nothing in it is guessed.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "models/graph.h"

namespace gsx::tools {

struct CardFacts {
  const Graph& graph;
  std::string model;          // as it was named; a run's figures lie beside it
  std::string format;         // "onnx-qdq", "pytorch"
  std::string license;        // as the Hub spells it; empty: not said
  std::filesystem::path out;  // what was asked for: the file, or the folder of the files
  std::vector<std::pair<std::filesystem::path, int64_t>> files;  // with their bytes
  std::string images = "own";               // or "nchw", "nhwc": bytes, scaled inside
  std::optional<std::pair<int, int>> size;  // height and width where only one is taken
};

std::string model_card(const CardFacts&);

// Whether a card may stand at `path`: nothing does, or a card that gsx wrote and nobody changed.
bool may_hold_card(const std::filesystem::path& path);
// Whether a card of these files may then replace what is there: nothing, or a card that lists them
// all.
bool may_replace_card(const std::filesystem::path& path,
                      const std::vector<std::pair<std::filesystem::path, int64_t>>& files);

}  // namespace gsx::tools
