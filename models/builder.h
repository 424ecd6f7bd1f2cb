// Builds a graph node by node, each reading the one before.
#pragma once
#include "models/graph.h"
#include "models/nodes.h"

namespace gsx {

class Builder {
 public:
  Builder(std::string architecture, int input_channels) : graph_(std::move(architecture)) {
    last_ = graph_.add(make_input("input", input_channels));
  }

  // Of a network that is given vectors.
  static Builder of_vectors(std::string architecture, std::string input, int features) {
    return Builder(Graph(std::move(architecture)), make_vector_input(std::move(input), features));
  }

  int last() const { return last_; }      // the node the next one reads
  void go_to(int node) { last_ = node; }  // continues from another node
  Graph take() { return std::move(graph_); }

  // Each returns the new node's index.
  int conv(std::string name, const ConvSpec& s) {
    return put(make_conv(std::move(name), last_, s));
  }
  int conv_transpose(std::string name, const ConvSpec& s) {
    return put(make_conv_transpose(std::move(name), last_, s));
  }
  int linear(std::string name, int in, int out, bool bias = true, bool spectral_norm = false) {
    return put(make_linear(std::move(name), last_, in, out, bias, spectral_norm));
  }
  int instance_norm(std::string name, int channels, bool affine, float eps = 1e-5f) {
    return put(make_instance_norm(std::move(name), last_, channels, affine, eps));
  }
  int batch_norm(std::string name, int channels, float eps = 1e-5f) {
    return put(make_batch_norm(std::move(name), last_, channels, true, eps));
  }
  int activation(std::string name, Activation f, float slope = 0.2f) {
    return put(make_activation(std::move(name), last_, f, slope));
  }
  int add(std::string name, int a, int b) { return put(make_add(std::move(name), a, b)); }
  int concat(std::string name, std::vector<int> inputs) {
    return put(make_concat(std::move(name), std::move(inputs)));
  }
  int affine(std::string name, std::vector<float> scale, std::vector<float> shift) {
    return put(make_affine(std::move(name), last_, std::move(scale), std::move(shift)));
  }
  int pad(std::string name, const Padding& p, PadMode mode) {
    return put(make_pad(std::move(name), last_, p, mode));
  }
  int upsample(std::string name, int factor) {
    return put(make_upsample(std::move(name), last_, factor));
  }
  int max_pool(std::string name, const PoolOptions& o) {
    return put(make_max_pool(std::move(name), last_, o));
  }
  int avg_pool(std::string name, const PoolOptions& o) {
    return put(make_avg_pool(std::move(name), last_, o));
  }
  int global_avg_pool(std::string name) {
    return put(make_global_avg_pool(std::move(name), last_));
  }
  int reshape(std::string name, int channels, int height = 0, int width = 0) {
    return put(make_reshape(std::move(name), last_, channels, height, width));
  }
  // Any other node.
  int put_node(NodePtr node) { return put(std::move(node)); }
  int quantize(std::string name, QuantGrid grid, float p, bool is_signed) {
    return put(make_quantize(std::move(name), last_, grid, p, is_signed));
  }

 private:
  Builder(Graph graph, NodePtr input) : graph_(std::move(graph)) { put(std::move(input)); }
  int put(NodePtr node) { return last_ = graph_.add(std::move(node)); }
  Graph graph_;
  int last_ = 0;
};

}  // namespace gsx
