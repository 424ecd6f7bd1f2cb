// Parts of files and lost tensors; see parts.h.
#include "models/import/parts.h"

#include <algorithm>

#include "models/import/words.h"

namespace gsx {

namespace {

bool is_convolution(const Node& node) {
  return node.kind() == "conv" || node.kind() == "conv_transpose";
}

bool is_norm(const Node& node) {
  return node.kind() == "instance_norm" || node.kind() == "batch_norm" ||
         node.kind() == "group_norm";
}

}  // namespace

std::vector<std::string> network_parts(const Weights& weights) {
  constexpr size_t kMostParts = 16;
  constexpr int kLeastTensors = 4;
  std::vector<std::string> order;
  std::map<std::string, int> tensors;
  for (const std::string& name : weights.names()) {
    const size_t dot = name.find('.');
    if (dot == std::string::npos || dot == 0) continue;
    const std::string part = name.substr(0, dot);
    if (++tensors[part] == kLeastTensors) order.push_back(part);
    if (order.size() > kMostParts) return {};
  }
  return order;
}

void note_missing_biases(Candidate& c) {
  const Graph& graph = c.graph;
  std::vector<bool> normed(graph.size(), false);
  for (int i = 0; i < graph.size(); ++i)
    if (is_norm(graph.node(i)))
      for (const int from : graph.node(i).inputs) normed[from] = true;
  size_t all = 0, with = 0, bare_with = 0;
  std::vector<std::string> lacking;
  for (int i = 0; i < graph.size(); ++i) {
    const Node& node = graph.node(i);
    if (!is_convolution(node)) continue;
    const bool bias = node.parameter(Role::bias) != nullptr;
    ++all;
    with += bias ? 1 : 0;
    bare_with += bias && !normed[i] ? 1 : 0;
    if (!bias && !normed[i]) lacking.push_back(shown_name(node.name));
  }
  // Networks with batch norms, as pix2pix's, are made without most biases.
  if (lacking.empty() || with == 0 || (2 * with <= all && bare_with <= lacking.size())) return;
  std::string names;
  for (size_t i = 0; i < std::min<size_t>(3, lacking.size()); ++i)
    names += (i > 0 ? ", " : "") + lacking[i];
  if (lacking.size() > 3) names += " and " + std::to_string(lacking.size() - 3) + " more";
  c.notes.push_back("warning: the file has no bias for " + names +
                    ", while others of its convolutions have one; where it was lost, the images "
                    "are not those of the network");
}

}  // namespace gsx
