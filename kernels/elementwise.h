// Elementwise operations over whole storages. Functions that map zero to zero take n, the elements
// including padding lanes; the others take Rows and write zeros to the padding lanes.
// One task owns each range of outputs; no sums, so every instruction set gives the same bits.
#pragma once
#include <cstdint>

#include "kernels/exec.h"
#include "kernels/pointwise.h"
#include "kernels/scalar.h"
#include "kernels/view.h"

namespace gsx::kernels {

struct ElementwiseKernels {
  void (*accumulate)(Exec&, int64_t n, const float* x, float* y);  // y += x
  void (*add)(Exec&, int64_t n, const float* a, const float* b, float* y);
  void (*sub)(Exec&, int64_t n, const float* a, const float* b, float* y);
  void (*mul)(Exec&, int64_t n, const float* a, const float* b, float* y);
  // y = scale * x + shift
  void (*affine)(Exec&, const Rows&, float scale, float shift, const float* x, float* y);
  // y = factor * value[0] everywhere; value may be null (1)
  void (*fill)(Exec&, const Rows&, const float* value, float factor, float* y);
  void (*activate)(Exec&, const Rows&, Activation, float slope, const float* x, float* y);
  // gx = gy * activate'(x). x or y may be null where the derivative does not need it: relu, tanh
  // and sigmoid need y = activate(x), leaky_relu needs x.
  void (*activate_backward)(Exec&, int64_t n, Activation, float slope, const float* x,
                            const float* y, const float* gy, float* gx);
  void (*pointwise)(Exec&, const Rows&, Pointwise, const PointwiseOptions&, const float* x,
                    float* y);
  // gx = gy * derivative(x)
  void (*pointwise_backward)(Exec&, int64_t n, Pointwise, const PointwiseOptions&, const float* x,
                             const float* gy, float* gx);
};
extern const ElementwiseKernels cpu_elementwise;

// y = scale[c] * x + shift[c] per channel; scale, shift: v.c floats or null (1 and 0).
struct ChannelAffineKernels {
  void (*forward)(Exec&, const View&, const float* x, const float* scale, const float* shift,
                  float* y);
  void (*backward_input)(Exec&, const View&, const float* gy, const float* scale, float* gx);
  // gscale (+)= sum over pixels of (x - offset[c]) * factor[c] * gy; gshift (+)= sum of gy. Either
  // may be null; offset, factor: v.c floats or both null (0 and 1). Adds when `accumulate`, else
  // overwrites.
  struct ParameterGrads {
    float* gscale;
    float* gshift;
    bool accumulate_scale, accumulate_shift;
  };
  void (*backward_parameters)(Exec&, const View&, const float* x, const float* gy,
                              const float* offset, const float* factor, const ParameterGrads&);
};
extern const ChannelAffineKernels cpu_channel_affine;

// y = x where x >= 0, slope[c] * x below; slope: v.c floats.
struct PreluKernels {
  void (*forward)(Exec&, const View&, const float* x, const float* slope, float* y);
  // gx = gy where x > 0, else slope[c] * gy.
  void (*backward_input)(Exec&, const View&, const float* x, const float* slope, const float* gy,
                         float* gx);
  // gslope (+)= sum over images and pixels of min(x, 0) * gy.
  void (*backward_slope)(Exec&, const View&, const float* x, const float* gy, bool accumulate,
                         float* gslope);
};
extern const PreluKernels cpu_prelu;

}  // namespace gsx::kernels
