// What a Tensor handle points to. Included by tensor.cpp and autodiff.cpp only.
#pragma once
#include <atomic>

#include "engine/autodiff.h"
#include "kernels/prepacked_weights.h"

namespace gsx {

struct Storage {
  Storage(ContextPtr c, size_t n);
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;
  ContextPtr context;
  size_t bytes;
  void* data;
  std::atomic<uint64_t> version;
  std::unique_ptr<kernels::PrepackedWeights> kept;  // of weights that do not change
  std::unique_ptr<KeptLargest> largest;             // of weights that Adam changes
};

// One recorded operation. Letting one go may let go of all that led to it.
struct GraphNode {
  const char* op;
  uint64_t order;  // creation number: inputs always have smaller ones
  std::vector<Tensor> inputs;
  Backward backward;
  std::string made_in;        // the span of work it was recorded in, when somebody watches
  GraphNode* next = nullptr;  // in the line of those let go
};

// Lets go of a graph of any depth without recursion.
void let_go(std::unique_ptr<GraphNode> node) noexcept;

struct Tensor::Impl {
  ~Impl() { let_go(std::move(node)); }
  std::shared_ptr<Storage> storage;
  Shape shape;
  Layout layout = Layout::dense;
  DType dtype = DType::f32;
  bool trainable = false;
  std::shared_ptr<Impl> grad;
  std::unique_ptr<GraphNode> node;
  bool freed = false;  // backward() has passed here and taken the node
};

}  // namespace gsx
