// An ncnn network while it is written: layers, blobs and weights.
#pragma once
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "models/graph.h"

namespace gsx {

// What ncnn's Crop takes for an end that is the last one.
inline constexpr int64_t kNcnnToEnd = -233;

// A value of the ncnn network, by its name.
using BlobName = std::string;

// A layer's parameters by ncnn's numbers: "0=64 1=3". Those that are ncnn's default may be left
// out.
class NcnnParameters {
 public:
  NcnnParameters& add(int id, int64_t value);
  NcnnParameters& add(int id, float value);
  NcnnParameters& add(int id, std::span<const int64_t> list);
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

class NcnnWriter {
 public:
  NcnnWriter();
  // What of a gsx node is written now: names begin with its name.
  void begin(const std::string& node) { node_ = node; }
  // An input under a name that was reserved.
  BlobName input(const BlobName&);
  // A name that no layer's value will have: an input's or output's.
  BlobName reserve(const std::string& name) { return fresh(name, blob_names_); }
  // A layer of one result, whose weights may follow.
  BlobName op(const char* type, const std::vector<BlobName>& inputs, const NcnnParameters& = {});
  // Weights of the layer written last: after a tag that says fp32, or bare, as ncnn reads each.
  void tagged(std::span<const float>);
  void bare(std::span<const float>);
  // The text, where these values have these names; whatever several layers read is split for them.
  std::string param(const std::vector<std::pair<BlobName, std::string>>& outputs);
  const std::string& bin() const { return bin_; }

 private:
  struct Layer {
    std::string type, name;
    std::vector<std::string> in, out;
    std::string parameters;
  };
  std::string fresh(const std::string& base, std::set<std::string>& taken);
  void split();

  std::string node_, bin_;
  std::vector<Layer> layers_;
  std::set<std::string> layer_names_, blob_names_;
};

struct NodeToNcnn {
  const Node& node;
  std::vector<BlobName> in;
  std::vector<Shape> shapes;  // example shapes of its inputs
};

// Writes one kind of node and returns its value; empty: ncnn has no layer that does this.
BlobName write_ncnn_node(NcnnWriter&, const NodeToNcnn&);
BlobName write_ncnn_convolution(NcnnWriter&, const NodeToNcnn&);
BlobName write_ncnn_linear(NcnnWriter&, const NodeToNcnn&);
// Pads; negative numbers crop.
BlobName write_ncnn_pad(NcnnWriter&, const BlobName& x, const Padding&, const std::string& mode);

}  // namespace gsx
