// A network's weights as a PyTorch user would send them.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "models/graph.h"
#include "tests/import/torch_writer.h"

namespace faults {

// A state dict of a network's parameters, as torch.save writes it, behind other items, which are
// codes of a pickle.
inline std::string torch_file(const gsx::Graph& graph,
                              std::vector<std::pair<std::string, std::string>> items = {}) {
  const torch_writer::Codes c;
  std::vector<torch_writer::Blob> blobs;
  for (const gsx::Parameter* p : graph.parameters()) {
    const std::vector<float> values = p->value.to_vector();
    std::vector<int64_t> size(p->shape.begin(), p->shape.end()), stride(size.size(), 1);
    if (p->name.rfind("up", 0) == 0 && size.size() == 4) std::swap(size[0], size[1]);  // transposed
    for (size_t i = size.size(); i-- > 1;) stride[i - 1] = stride[i] * size[i];
    const std::string key = std::to_string(blobs.size());
    items.emplace_back(p->name,
                       c.tensor(c.storage("FloatStorage", key, p->value.numel()), 0, size, stride));
    blobs.push_back({key, torch_writer::numbers(values)});
  }
  return torch_writer::zip_file(c.pickle(c.ordered(items)), blobs);
}

}  // namespace faults
