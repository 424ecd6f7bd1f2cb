// Argument checks and small helpers that every op shares.
#pragma once
#include <string_view>

#include "engine/ops.h"
#include "kernels/backend.h"
#include "kernels/view.h"

namespace gsx::ops {

inline void check_f32(const char* op, const char* argument, const Tensor& t) {
  GSX_CHECK(t.defined(), op, ": ", argument, " must have a value, got an undefined tensor");
  GSX_CHECK(t.dtype() == DType::f32, op, ": ", argument, " must be f32, got ", t.dtype());
}

inline void check_image(const char* op, const char* argument, const Tensor& t) {
  check_f32(op, argument, t);
  GSX_CHECK(t.layout() == Layout::image, op, ": ", argument,
            " must be an image tensor N C H W, got shape ", t.shape());
  GSX_CHECK(t.numel() > 0, op, ": ", argument, " must not be empty, got shape ", t.shape());
}

inline void check_device(const char* op, const char* argument, const Tensor& t, const char* name,
                         const Tensor& other) {
  GSX_CHECK(t.device() == other.device(), op, ": ", argument, " must be on the device of ", name,
            ", ", other.device(), ", got ", t.device());
  // Contexts of one GPU have streams of their own, which do not wait for each other.
  GSX_CHECK(t.context() == other.context() || t.context()->host_accessible(), op, ": ", argument,
            " must belong to the context of ", name);
}

// Like `other` in every way; `name` names it in the message.
inline void check_like(const char* op, const char* argument, const Tensor& t, const char* name,
                       const Tensor& other) {
  check_f32(op, argument, t);
  GSX_CHECK(t.shape() == other.shape(), op, ": ", argument, " must have the shape of ", name, " ",
            other.shape(), ", got ", t.shape());
  GSX_CHECK(t.layout() == other.layout(), op, ": ", argument, " must have the layout of ", name,
            ", got the same shape ", t.shape(), " in another");
  check_device(op, argument, t, name, other);
}

// A number for each channel of x.
inline void check_channels(const char* op, const char* argument, const Tensor& t, const Tensor& x) {
  check_f32(op, argument, t);
  const Shape want{x.dim(1)};
  GSX_CHECK(t.shape() == want, op, ": ", argument, " must have shape ", want,
            " to match the channels of x, got ", t.shape());
  check_device(op, argument, t, "x", x);
}

// gamma and beta: a number for each channel of x, both or neither.
inline void check_scale_shift(const char* op, const Tensor& gamma, const Tensor& beta,
                              const Tensor& x) {
  GSX_CHECK(gamma.defined() == beta.defined(), op,
            ": gamma and beta must both be given or neither, got only ",
            gamma.defined() ? "gamma" : "beta");
  if (!gamma.defined()) return;
  check_channels(op, "gamma", gamma, x);
  check_channels(op, "beta", beta, x);
}

// Any storage but a filter's as images: dense arrays of rank up to 3 have their last dimension as
// unpadded channels and h = 1.
inline kernels::View view_of(const Tensor& t) {
  if (t.layout() == Layout::image) return t.view();
  const Shape& s = t.shape();
  const int rank = s.rank(), c = rank > 0 ? static_cast<int>(s[rank - 1]) : 1;
  const int n = rank > 1 ? static_cast<int>(s[0]) : 1, w = rank > 2 ? static_cast<int>(s[1]) : 1;
  return {n, 1, w, c, c};
}

// What kernels read and write. Most write into fresh tensors, but a batch norm's running statistics
// are not: out() says that values change.
inline const float* in(const Tensor& t) { return t.device_data(); }
inline const float* in_or_null(const Tensor& t) { return t.defined() ? in(t) : nullptr; }
inline float* out(const Tensor& t) {
  t.changed();
  return t.device_data();
}
inline Tensor scalar_like(const Tensor& t) { return Tensor::empty(t.context(), Shape{}); }

inline kernels::Quantizer quantizer_of(const char* op, const QuantRange& r) {
  GSX_CHECK(r.scale > 0, op, ": the quantiser's scale must be positive, got ", r.scale);
  GSX_CHECK(r.lo <= 0 && r.hi >= 0 && r.hi - r.lo < (1 << 21) && r.clamp_lo <= 0 && r.clamp_hi >= 0,
            op, ": the quantiser's range must contain zero, got codes ", r.lo, " to ", r.hi,
            " and bounds ", r.clamp_lo, " to ", r.clamp_hi);
  return {r.scale,    1.0f / r.scale, static_cast<float>(r.lo), static_cast<float>(r.hi),
          r.clamp_lo, r.clamp_hi};
}

}  // namespace gsx::ops
