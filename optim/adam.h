// Adam with bias correction and weight decay coupled into the gradient, as the paper's code uses
// it.
#pragma once
#include <vector>

#include "engine/tensor.h"

namespace gsx {

struct AdamOptions {
  float lr = 1e-3f;
  float beta1 = 0.9f, beta2 = 0.999f;
  float eps = 1e-8f;
  float weight_decay = 0;
};

class Adam {
 public:
  // The parameters are changed in place by step(); they must be distinct f32 tensors.
  explicit Adam(std::vector<Tensor> parameters, const AdamOptions& = {});

  // Uses every parameter's grad(); those without one keep their value and moments.
  void step();
  void zero_grad() const;

  float lr() const { return options_.lr; }
  void set_lr(float lr);

  // What a checkpoint keeps besides the parameters: the first and second moments of each, in order
  // (m0, v0, m1, v1, ...; write into them to restore), and the number of steps made.
  std::vector<Tensor> state() const;
  int64_t steps() const { return steps_; }
  void set_steps(int64_t steps);

 private:
  AdamOptions options_;
  std::vector<Tensor> parameters_, m_, v_;
  int64_t steps_ = 0;
};

}  // namespace gsx
