// What the files of the integer program offer its table.
#pragma once
#include "kernels/integer.h"

#include "kernels/cuda/map.h"

namespace gsx::kernels::GSX_BACKEND::integers {

// kWidth neighbouring numbers, moved by one instruction.
template <class T, int kWidth>
struct alignas(sizeof(T) * kWidth) Pack {
  T value[kWidth];

  __device__ __forceinline__ static Pack load(const T* p) {
    return *reinterpret_cast<const Pack*>(p);
  }
  __device__ __forceinline__ void store(T* p) const { *reinterpret_cast<Pack*>(p) = *this; }
};

void add_taps(Exec&, const ConvShape&, TapBias, const int32_t* t, int32_t* y);
void instance_norm(Exec&, const View&, const int32_t* x, const float* scale, const float* gamma,
                   const float* beta, float eps, float* y);

}  // namespace gsx::kernels::GSX_BACKEND::integers
