// Which network a file of weights holds, told from names and shapes. One entry per architecture:
// it reads widths and depths from a few tensors and builds the graph that a file of its kind would
// fill; a file is of the architecture when every tensor of it has a place and every parameter a
// tensor.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "models/graph.h"
#include "models/import/weights.h"

namespace gsx {

struct Candidate {
  std::string architecture;
  Graph graph;
  std::string why;  // what was read from which tensors: "width 64 (model.1.weight), 9 blocks"
  std::vector<std::string> notes;
  // Names in the file of parameters that are called otherwise in the graph.
  std::map<std::string, std::string> renamed;
  // Tensors of the file that nothing is computed from.
  std::set<std::string> spare;
  // What values must be, beside shapes: throws Error where they are not.
  std::function<void(const Weights&)> check = {};

  const std::string& key(const std::string& parameter) const {
    const auto found = renamed.find(parameter);
    return found == renamed.end() ? parameter : found->second;
  }
};

struct KnownArchitecture {
  const char* name;
  const char* what;  // for people
  // Nothing where the tensors that it reads are not there, or not of its shapes.
  std::optional<Candidate> (*detect)(const Weights&);
};

// In the order in which they are asked; of two that fit the first is taken.
const std::vector<KnownArchitecture>& known_architectures();
bool is_known_architecture(const std::string& name);

// How a candidate and a file differ.
struct Difference {
  std::vector<std::string> missing, misshapen, unexpected;
  size_t shared = 0;  // parameters that have a tensor
  bool none() const { return missing.empty() && misshapen.empty() && unexpected.empty(); }
  std::string text() const;  // "missing a, b, c and 4 more; d has shape [1] instead of [2]"
};
Difference compare(const Candidate&, const Weights&);

// What fits, or where nothing does, the nearest; nothing where no name is shared with any. `only`
// names the one architecture to try, or nothing.
struct Nearest {
  Candidate candidate;
  Difference difference;
};
std::optional<Nearest> nearest_network(const Weights&, const std::string& only);

// What fits; Error that names the nearest and what it differs in.
Candidate detect(const Weights&);

// Gives a candidate's graph its values. Null context: only looks at them.
void fill(Candidate&, const Weights&, const ContextPtr&, bool prepacked);

}  // namespace gsx
