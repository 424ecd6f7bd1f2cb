// What operations of the integer program that see whole images share with those that go by bands.
#pragma once
#include "engine/integer.h"
#include "engine/ops/common.h"

namespace gsx::ops {

constexpr const char* kConvolve = "convolve_quantized";

inline void check_type(const char* op, const char* argument, const Tensor& t, DType type) {
  GSX_CHECK(t.defined() && t.dtype() == type, op, ": ", argument, " must be ", type, ", got ",
            t.defined() ? "another type" : "an undefined tensor");
}

inline int32_t* ints(const Tensor& t) { return t.device_data<int32_t>(); }
inline kernels::ExactSums sums_in(const Tensor& statistics) {
  return {reinterpret_cast<uint64_t*>(statistics.device_data<int32_t>())};
}
// As many 64-bit numbers.
Tensor room_for_sums(const ContextPtr&, const kernels::View&);

// Error where a convolution's arguments do not fit each other.
void check_convolution(const QuantizedConvolution&);
// Its sums of `part`, its own shape or a band of it, whose quantised values begin at x; y: room for
// them, sums: for their statistics, or none. Checked before.
void convolve_part(const QuantizedConvolution&, const kernels::ConvShape& part, const void* x,
                   int32_t* y, kernels::ExactSums sums);

// norm_of_sums of images of this view, from their statistics; like: a tensor of its channels.
NormLine norm_line(const kernels::View&, const Tensor& like, const Tensor& statistics,
                   const Tensor& scales, const NormSpec&);

// All of a pass over an image's values but its source.
struct Pass {
  kernels::FusedPass kernel;
  PassResult result;  // with room for what was asked for
};
struct PassPlace {
  ContextPtr context;
  Shape shape;
  Layout layout = Layout::image;
  kernels::View view;
};
Pass make_pass(const PassPlace&, const std::vector<PassStep>&, bool want_reals,
               const std::optional<QuantRange>& quantizer, const Tensor& into);

}  // namespace gsx::ops
