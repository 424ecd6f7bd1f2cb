// A network's nodes as PyTorch keeps modules: names with dots are modules in one another.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "models/export/torch_code.h"
#include "models/graph.h"

namespace gsx::torch_export {

// A node as text, and where its module stands.
struct Named {
  NodeCode code;
  std::vector<std::string> path;  // of the module, from the network: "model", "10", "conv_block"
  std::vector<int> in;            // nodes
};

struct Scope;
// What a scope runs, one after the other: a node, or a scope inside.
struct Part {
  int node = -1;
  std::unique_ptr<Scope> scope;
  // Attributes that lead from the scope around to the module: one, or several where modules lie in
  // nn.ModuleDicts; empty: the node that has the scope's own name, and no module.
  std::vector<std::string> path;
};

// Nodes whose names begin alike and that can be called as one module.
struct Scope {
  std::vector<std::string> path;
  std::vector<int> nodes;    // all of them, ascending
  std::vector<Part> parts;   // in an order in which they can run
  std::vector<int> in, out;  // values from outside, and those that are asked for outside
  bool chain = false;        // an nn.Sequential; else a class of its own
};

// The whole network: its inputs are `in`, its outputs `out`. Paths of nodes may be changed so that
// no two modules stand in one place.
Scope network_scope(const Graph&, std::vector<Named>&);

// The words of a node's name as names that Python takes; numbers stay.
std::vector<std::string> path_of(const std::string& node);
bool is_identifier(const std::string&);

}  // namespace gsx::torch_export
