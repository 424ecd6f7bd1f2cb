// Passes over weights laid out as ChannelBlocks: element e belongs to channel e / inner % ks.
#pragma once
#include "kernels/cuda/fast_divide.h"
#include "kernels/cuda/map.h"
#include "kernels/fake_quant.h"

namespace gsx::kernels::GSX_BACKEND {

// Elements are counted in ints.
inline void check_weights(const ChannelBlocks& b) {
  if (b.size() > INT32_MAX) {
    throw gpu::Failure("weights: more than 2^31 - 1 numbers in one tensor");
  }
}

struct WeightLanes {
  FastDivide by_inner, by_ks;
  int k, ks;

  static WeightLanes of(const ChannelBlocks& b) {
    return {FastDivide::by(static_cast<int>(b.inner)), FastDivide::by(static_cast<int>(b.ks)),
            static_cast<int>(b.k), static_cast<int>(b.ks)};
  }
  __device__ int channel(int element) const {
    const int row = by_inner(element);
    return row - by_ks(row) * ks;
  }
};

}  // namespace gsx::kernels::GSX_BACKEND
