// Finds where a layer whose inputs have all been pruned can still take its image size from.
#pragma once
#include <optional>

#include "models/graph.h"

namespace gsx {

// The nodes to read through, from the first after `from` to the last before the reader: what must
// stay in front of the reader (paddings, its quantiser), none with parameters.
struct SizeSource {
  std::string from;
  std::vector<std::string> through;
};

// Output sizes of every node over a range of image sizes: as many as the strides multiply to,
// after which sizes repeat their pattern.
class SizeTable {
 public:
  explicit SizeTable(const Graph&);  // Error where strides multiply to thousands

  // Whether two nodes have one size, whatever the image's is.
  bool same_size(int a, int b) const;
  // A live node other than those before the reader that has, for every image, the size the reader
  // (or what stays in front of it) reads now; nullopt when there is none.
  std::optional<SizeSource> find(int reader, const std::vector<bool>& live) const;

 private:
  std::optional<int> twin(int node, const std::vector<bool>& live) const;
  bool passes_through(const std::vector<std::string>& through, Shape shape) const;
  const Graph* graph_;
  std::vector<std::vector<Shape>> shapes_;  // per image size, per node
  std::vector<std::vector<int>> consumers_;
};

// Makes `reader` read `source` instead of its input.
void adopt(Graph&, const std::string& reader, const SizeSource& source);

}  // namespace gsx
