// The same loop for two processors, chosen once.
#include "tests/ptx/machine/fma.h"

#include <cmath>

namespace gsx::ptx {
namespace {

template <class T>
inline __attribute__((always_inline)) void loop(T* d, const T* a, const T* b, const T* c) {
  for (int lane = 0; lane < kLanes; ++lane) d[lane] = std::fma(a[lane], b[lane], c[lane]);
}

#if defined(__x86_64__)
template <class T>
__attribute__((target("avx2,fma"))) void with_instruction(T* d, const T* a, const T* b,
                                                          const T* c) {
  loop(d, a, b, c);
}
bool has_instruction() {
  static const bool has = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  return has;
}
#else
template <class T>
void with_instruction(T* d, const T* a, const T* b, const T* c) {
  loop(d, a, b, c);
}
bool has_instruction() { return true; }
#endif

template <class T>
void choose(T* d, const T* a, const T* b, const T* c) {
  if (has_instruction()) with_instruction(d, a, b, c);
  else loop(d, a, b, c);
}

}  // namespace

void fused(float* d, const float* a, const float* b, const float* c) { choose(d, a, b, c); }
void fused(double* d, const double* a, const double* b, const double* c) { choose(d, a, b, c); }

}  // namespace gsx::ptx
