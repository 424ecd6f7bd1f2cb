// Reverse-mode differentiation: each result remembers its inputs and a closure that sends gradients
// to them. The closure's captures are the saved tensors. No second derivatives.
#pragma once
#include <vector>

#include "engine/tensor.h"

namespace gsx {

// What a backward closure talks to: one slot per recorded input.
class Grads {
 public:
  // Whether anyone needs the gradient of input i. Skip the work when not.
  bool wants(int i) const;
  // Adds g to the gradient of input i. g must be fresh (owned by nobody else) or never written
  // later.
  void add(int i, Tensor g);
  // Adds the result's gradient as it came, and owns it no longer: the last thing a closure does.
  void hand_on(int i);
  // For kernels that can add in place: the buffer that collects input i's gradient, and whether it
  // already holds a part (then add to it, else overwrite every element and padding lane).
  struct Target {
    Tensor buffer;
    bool accumulate = false;
  };
  Target accumulate_into(int i);

 private:
  friend class BackwardPass;
  Grads(class BackwardPass& pass, const std::vector<Tensor>& inputs, Tensor& gy)
      : pass_(pass), inputs_(inputs), gy_(gy) {}
  class BackwardPass& pass_;
  const std::vector<Tensor>& inputs_;
  Tensor& gy_;
};

// Marks y as computed from the inputs, unless recording is off or no input requires a gradient.
// `op` names the operation in messages. Returns y.
Tensor record(Tensor y, const char* op, std::vector<Tensor> inputs, Backward backward);

// True when record() would keep a graph for these inputs: ops then save what backward needs.
bool recording(const std::vector<Tensor>& inputs);

// While one lives, the current thread records nothing.
class NoGrad {
 public:
  NoGrad();
  ~NoGrad();
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;

 private:
  bool before_;
};

}  // namespace gsx
