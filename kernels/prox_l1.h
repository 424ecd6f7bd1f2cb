// SGD with momentum and the proximal step of the L1 penalty (PAPER.md Eqs. 11-14).
//   sgd:    v = momentum * v + g;  w = w - lr * v      (no dampening, no Nesterov)
//   shrink: the vector u of the k parts' elements i becomes u * max(0, 1 - threshold / ||u||_2);
//           for k = 1 that is sgn(w) * max(|w| - threshold, 0). Zeros come out as +0.
#pragma once
#include "kernels/exec.h"

namespace gsx::kernels {

struct ProxL1Kernels {
  // n counts padding lanes: zeros stay.
  void (*sgd)(Exec&, int64_t n, float lr, float momentum, const float* g, float* w, float* v);
  // parts: k arrays of n floats, shrunk in place.
  void (*shrink)(Exec&, int k, int64_t n, float threshold, float* const* parts);
};
extern const ProxL1Kernels cpu_prox_l1;

}  // namespace gsx::kernels
