// Max and average pooling of NHWC images; windows of size x size, `stride` apart, the first
// starting at -pad. Every kernel writes all of its output, padding lanes as zeros; backward
// gathers, so each input pixel has one owner.
#pragma once
#include "kernels/exec.h"
#include "kernels/view.h"

namespace gsx::kernels {

struct PoolShape {
  View x;
  int size = 2, stride = 2, pad = 0;
  bool ceil_mode = false, count_include_pad = false;

  // Output extent of an input extent; with ceil_mode the last window must start before extent +
  // pad.
  constexpr int out(int extent) const {
    const int span = extent + 2 * pad - size;
    int n = (ceil_mode ? (span + stride - 1) / stride : span / stride) + 1;
    if (ceil_mode && (n - 1) * stride >= extent + pad) --n;
    return n;
  }
  constexpr View y() const { return View::of(x.n, out(x.h), out(x.w), x.c); }
};

struct PoolKernels {
  // which: y's layout; the winner's place r*size + s in its window (the first of equals), for
  // backward.
  void (*max_forward)(Exec&, const PoolShape&, const float* x, float* y, uint8_t* which);
  void (*max_backward)(Exec&, const PoolShape&, const uint8_t* which, const float* gy, float* gx);
  void (*avg_forward)(Exec&, const PoolShape&, const float* x, float* y);
  void (*avg_backward)(Exec&, const PoolShape&, const float* gy, float* gx);
  // y: [n, 1, 1, c] with x's channel stride.
  void (*global_forward)(Exec&, const View& x_view, const float* x, float* y);
  void (*global_backward)(Exec&, const View& x_view, const float* gy, float* gx);
};
extern const PoolKernels cpu_pool;

}  // namespace gsx::kernels
