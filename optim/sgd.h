// Stochastic gradient descent with momentum (no dampening, no Nesterov, no decay): v = momentum * v
// + g, w = w - lr * v. With the proximal step of optim/prox.h it makes Eqs. 11-14.
#pragma once
#include <span>
#include <vector>

#include "engine/tensor.h"

namespace gsx {

struct SgdOptions {
  float lr = 0.1f;
  float momentum = 0;
};

class Sgd {
 public:
  // The parameters are changed in place by step(); they must be distinct f32 tensors.
  explicit Sgd(std::vector<Tensor> parameters, const SgdOptions& = {});

  // Uses every parameter's grad(); those without one keep their value and velocity. thresholds: of
  // the proximal step (optim/prox.h) of each parameter, taken in the same pass; empty: none.
  void step(std::span<const float> thresholds = {});
  void zero_grad() const;

  float lr() const { return options_.lr; }
  void set_lr(float lr);

  // The velocity of each parameter, in order, for checkpoints; write into them to restore.
  std::vector<Tensor> state() const { return velocity_; }

 private:
  SgdOptions options_;
  std::vector<Tensor> parameters_, velocity_;
};

}  // namespace gsx
