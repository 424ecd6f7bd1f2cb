// The fused Adam step.
#include "kernels/adam.h"

#include "kernels/cpu/parallel.h"

namespace gsx::kernels {
namespace {

void step(Exec& e, int64_t n, const AdamStep& s, const float* g, float* w, float* m, float* v) {
  e.pool->for_ranges(n, kElementGrain, [=](int64_t begin, int64_t end) {
    const float rest1 = 1.0f - s.beta1, rest2 = 1.0f - s.beta2;
    for (int64_t i = begin; i < end; ++i) {
      const float d = g[i] + s.decay * w[i];
      m[i] = s.beta1 * m[i] + rest1 * d;
      v[i] = s.beta2 * v[i] + rest2 * (d * d);
      w[i] -= s.rate * (m[i] / (std::sqrt(v[i]) * s.root + s.eps));
    }
  });
}

}  // namespace

const AdamKernels cpu_adam = {step};

}  // namespace gsx::kernels
