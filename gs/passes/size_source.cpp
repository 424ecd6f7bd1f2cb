// Compares image sizes between nodes; see size_source.h.
#include "gs/passes/size_source.h"

#include <algorithm>
#include <numeric>

#include "models/nodes.h"

namespace gsx {

namespace {

// Of both axes: the least common multiple where they differ.
int64_t stride_of(const Node& node) {
  const Json attributes = node.attributes();
  const Json stride = attributes.value("stride", Json(1));
  if (!stride.is_array()) return stride.get<int64_t>();
  return std::lcm(stride[0].get<int64_t>(), stride[1].get<int64_t>());
}

// After how many image sizes the sizes of all nodes repeat their pattern, at most: what the
// strides on the way to a node multiply to, where images shrink.
int64_t period(const Graph& graph, const std::vector<Shape>& shapes) {
  constexpr int64_t kMost = 4096;
  std::vector<int64_t> along(static_cast<size_t>(graph.size()), 1);
  int64_t most = 1;
  for (int i = 1; i < graph.size(); ++i) {
    const Node& node = graph.node(i);
    if (node.inputs.empty()) continue;
    for (const int from : node.inputs) along[i] = std::lcm(along[i], along[from]);
    const bool images = shapes[i].rank() == 4 && shapes[node.inputs[0]].rank() == 4;
    if (images && shapes[i][2] <= shapes[node.inputs[0]][2]) along[i] *= stride_of(node);
    GSX_CHECK(along[i] <= kMost, "extract: the strides on the way to node ", node.name,
              " multiply to ", along[i], ", more than the ", kMost,
              " for which image sizes are compared");
    most = std::max(most, along[i]);
  }
  return most;
}

}  // namespace

SizeTable::SizeTable(const Graph& graph) : graph_(&graph), consumers_(graph.consumers()) {
  const std::vector<Shape> example = graph.example_inputs();
  shapes_.push_back(graph.infer_shapes(example));
  const int64_t sizes = std::max<int64_t>(32, period(graph, shapes_[0])) + 1;
  const auto image =
      std::find_if(example.begin(), example.end(), [](const Shape& s) { return s.rank() == 4; });
  for (int64_t k = 1; k < sizes && image != example.end(); ++k) {
    try {
      shapes_.push_back(
          graph.infer_shapes(graph.input_shapes((*image)[2] + k, (*image)[3] + 2 * sizes - k)));
    } catch (const Error&) {  // a size this network does not take
    }
  }
}

bool SizeTable::same_size(int a, int b) const {
  for (const std::vector<Shape>& shapes : shapes_) {
    if (shapes[a].rank() != shapes[b].rank()) return false;
    for (int d = 2; d < shapes[a].rank(); ++d)
      if (shapes[a][d] != shapes[b][d]) return false;
  }
  return true;
}

std::optional<int> SizeTable::twin(int node, const std::vector<bool>& live) const {
  for (const int i : graph_->inputs())
    if (i <= node && same_size(i, node)) return i;
  std::optional<int> best;
  for (int i = 1; i < node; ++i) {
    const bool constant = graph_->node(i).reads_nothing();  // the same for all images of a batch
    if (!live[i] || constant || !same_size(i, node)) continue;
    // A value that several layers read is made anyway; another one may be swallowed by a fusion.
    const bool shared = consumers_[i].size() > 1;
    if (!best || shared || consumers_[*best].size() <= 1) best = i;
  }
  return best;
}

bool SizeTable::passes_through(const std::vector<std::string>& through, Shape shape) const {
  try {
    for (const std::string& name : through)
      shape = graph_->node(graph_->find(name)).infer_shape(std::span(&shape, 1));
    return true;
  } catch (const Error&) {  // a node with numbers for each channel
    return false;
  }
}

std::optional<SizeSource> SizeTable::find(int reader, const std::vector<bool>& live) const {
  SizeSource source;
  for (int i = reader;;) {
    const int from = graph_->node(i).inputs[0];
    const Node& before = graph_->node(from);
    const bool keep_in_front = dynamic_cast<const Quantize*>(&before) != nullptr;
    const auto found = keep_in_front ? std::nullopt : twin(from, live);
    if (found && passes_through(source.through, shapes_[0][*found])) {
      source.from = graph_->node(*found).name;
      return source;
    }
    if (before.makes_channels() || before.inputs.size() != 1 || !before.parameters().empty())
      return std::nullopt;
    source.through.insert(source.through.begin(), before.name);
    i = from;
  }
}

void adopt(Graph& graph, const std::string& reader, const SizeSource& source) {
  graph.node(graph.find(reader)).inputs[0] = graph.find(source.from);
  for (const std::string& name : source.through) {
    std::unique_ptr<Node> copy = graph.node(graph.find(name)).clone();
    copy->name = name + ".of." + reader;
    const int at = graph.find(reader);
    copy->inputs = {graph.node(at).inputs[0]};
    graph.insert_before(at, 0, std::move(copy));
  }
}

}  // namespace gsx
