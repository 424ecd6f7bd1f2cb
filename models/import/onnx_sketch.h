// The network that an ONNX graph becomes, while it is being made: nodes of Graph's kinds as files
// describe them, with their values, and their shapes at two image sizes.
#pragma once
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "models/graph.h"
#include "models/import/onnx_view.h"

namespace gsx::onnx_import {

// What keeps an ONNX node from being mapped: why, and the nearest thing that works ("": nothing).
struct Unmapped {
  std::string why, nearest;
};

struct SketchNode {
  std::string kind, name;
  std::vector<int> inputs;
  Json attributes = Json::object();
  // By the parameters' names behind the node's, in the order of files ([C,K/groups,R,S] filters of
  // transposed convolutions).
  std::vector<std::pair<std::string, std::vector<float>>> parameters;
  ArrayPtr weight;     // a convolution's parameter of that name: the file's own, not a copy
  Shape a, b;          // of the result, at the two sizes
  std::string origin;  // the ONNX node it is made for
  // Of layers whose weights a file holds as bytes: their steps, one or one for each output.
  std::vector<float> steps = {};
  // Whether the value is the integer sums alone, with no step of the input or of the weights.
  bool sums = false;
};

class Sketch {
 public:
  // The index of a new node. Its shapes are those that the kind infers; a batch is one image unless
  // the inputs have more. Error where they do not fit.
  int add(SketchNode);
  int add(std::string kind, std::vector<int> inputs, Json attributes = Json::object()) {
    return add({std::move(kind), "", std::move(inputs), std::move(attributes), {}, {}, {}, {}, ""});
  }
  int add_input(const std::string& name, int channels, bool vector, const Shape& a, const Shape& b);
  // A constant [1, dims...] of the network.
  int add_constant(const std::vector<int64_t>& dims, std::vector<float> values);

  // Puts a node of one input before place i; the nodes from there on, and who reads them, move.
  void insert(int i, SketchNode);
  const SketchNode& node(int i) const { return nodes_[i]; }
  SketchNode& node(int i) { return nodes_[i]; }
  int size() const { return static_cast<int>(nodes_.size()); }
  Sizes sizes(int i) const;
  void infer(int i);  // the shapes anew
  // What new nodes are made for, in messages and names.
  void working_on(std::string name) { origin_ = std::move(name); }
  // The graph of what the output needs, and of all inputs, with values, which the sketch lets go.
  // Null context: values are only checked.
  Graph build(const ContextPtr&, int output, const std::string& output_name);

 private:
  std::string unused_name(const std::string& wanted);
  std::vector<SketchNode> nodes_;
  std::set<std::string> names_;
  std::string origin_;
  int64_t constants_ = 0;  // elements of constants so far
};

}  // namespace gsx::onnx_import
