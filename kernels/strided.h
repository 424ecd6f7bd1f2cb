// Moves a box of elements between two storages, each with strides of its own: slices, transposes
// and channels moved into pixels are such copies.
#pragma once
#include "kernels/exec.h"

namespace gsx::kernels {

// Element (i_0, ..., i_5) is at the sum of i_k * from[k] in one storage and i_k * to[k] in the
// other. Axes are added outermost first; a fast copy has stride 1 on the last one.
struct StridedBox {
  static constexpr int kMostAxes = 6;
  int axes = 0;
  int64_t extent[kMostAxes] = {1, 1, 1, 1, 1, 1};
  int64_t from[kMostAxes] = {}, to[kMostAxes] = {};

  void add(int64_t count, int64_t from_stride, int64_t to_stride) {
    extent[axes] = count;
    from[axes] = from_stride;
    to[axes++] = to_stride;
  }
  int64_t count() const {
    int64_t n = 1;
    for (int k = 0; k < axes; ++k) n *= extent[k];
    return n;
  }
  StridedBox reversed() const {
    StridedBox box = *this;
    for (int k = 0; k < axes; ++k) box.from[k] = to[k], box.to[k] = from[k];
    return box;
  }
};

struct StridedKernels {
  // Elements of `to` outside the box are left alone; no two of the box are one.
  void (*copy)(Exec&, const StridedBox&, const float* from, float* to);
};
extern const StridedKernels cpu_strided;

}  // namespace gsx::kernels
