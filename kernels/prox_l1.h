// SGD with momentum and the proximal step of the L1 penalty (PAPER.md Eqs. 11-14).
//   sgd:    v = momentum * v + g;  w = w - lr * v      (no dampening, no Nesterov)
//   shrink: the vector u of the k parts' elements i becomes u * max(0, 1 - t / ||u||_2); for k = 1
//           that is sgn(w) * max(|w| - t, 0). t is the threshold, or threshold / worth[i]. Zeros
//           come out as +0, a NaN stays.
#pragma once
#include "kernels/exec.h"

namespace gsx::kernels {

struct SgdStep {
  float lr, momentum;
};

// A parameter of n floats, for sgd_many.
struct SgdTensor {
  int64_t n;
  const float* g;
  float *w, *v;
  float threshold;  // of the proximal step that follows; 0: none
};

struct ProxL1Kernels {
  // n counts padding lanes: zeros stay.
  void (*sgd)(Exec&, int64_t n, float lr, float momentum, const float* g, float* w, float* v);
  // parts: a host array of k pointers to n floats each, shrunk in place. worth: n floats, or null.
  void (*shrink)(Exec&, int k, int64_t n, float threshold, const float* worth, float* const* parts);
  // sgd, then shrink with k = 1 where threshold > 0, for `count` parameters that share no memory;
  // tensors: a host array.
  void (*sgd_many)(Exec&, int count, const SgdStep&, const SgdTensor* tensors);
};
extern const ProxL1Kernels cpu_prox_l1;

}  // namespace gsx::kernels
