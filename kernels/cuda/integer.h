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
void exact_sums(Exec&, const View&, const int32_t* x, ExactSums);
void norm_of_integers(Exec&, const View&, ExactSums, const float* scale, const NormParameters&,
                      const NormLine&);
void norm_of_reals(Exec&, const View&, const float* x, const NormParameters&, const NormLine&);
// x as 16-bit quantised values, in scratch memory unless they are.
const int16_t* wide_quantized(Exec&, const View&, const QuantizedImage& x);
void fused_pass(Exec&, const View&, const FusedPass&);
void convolve_reals(Exec&, const ConvShape&, const float* x, const float* w, const float* bias,
                    float* y);

}  // namespace gsx::kernels::GSX_BACKEND::integers
