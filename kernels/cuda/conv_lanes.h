// kWidth neighbouring channels that are loaded, added and stored together: a float4 or a float.
#pragma once
#include "gpu.h"

namespace gsx::kernels::GSX_BACKEND::convolution {

template <int kWidth>
struct Lanes {
  static_assert(kWidth == 1 || kWidth == 4);
  float value[kWidth] = {};

  __device__ static Lanes load(const float* p) {
    Lanes l;
    if constexpr (kWidth == 4) {
      const float4 v = *reinterpret_cast<const float4*>(p);
      l.value[0] = v.x, l.value[1] = v.y, l.value[2] = v.z, l.value[3] = v.w;
    } else {
      l.value[0] = *p;
    }
    return l;
  }
  __device__ void store(float* p) const {
    if constexpr (kWidth == 4) {
      *reinterpret_cast<float4*>(p) = make_float4(value[0], value[1], value[2], value[3]);
    } else {
      *p = value[0];
    }
  }
  __device__ void add(const Lanes& other) {
#pragma unroll
    for (int i = 0; i < kWidth; ++i) value[i] += other.value[i];
  }
};

}  // namespace gsx::kernels::GSX_BACKEND::convolution
