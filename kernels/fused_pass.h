// What happens to single values between two convolutions of the integer program, in one pass over
// memory: from sums, quantised values or real values through a few operations to real values,
// quantised values or both. One formula per element (scalar.h), so fusing changes no bit.
#pragma once
#include "kernels/quantized.h"
#include "kernels/scalar.h"

namespace gsx::kernels {

struct PassOp {
  enum class Kind : uint8_t {
    affine,   // v = fma(v, a[c], b[c]); per_image: a[n, c], b[n, c]
    centre,   // v = v - a[n, c]
    uniform,  // v = fma(v, scale, shift)
    activate,
    add,  // v = v + other
  };
  Kind kind = Kind::uniform;
  bool per_image = false;
  Activation activation = Activation::none;
  float slope = 0.2f;          // of leaky_relu
  float scale = 1, shift = 0;  // of uniform
  const float* a = nullptr;    // cs numbers, or n*cs; zeros in padding lanes
  const float* b = nullptr;
  const float* other = nullptr;  // laid out like the image
};

struct FusedPass {
  enum class Source : uint8_t { reals, quantized, accumulators };
  static constexpr int kMostOps = 6;

  Source source = Source::reals;
  const void* x = nullptr;  // float, quantised values of source_type, or int32_t
  QuantizedType source_type = QuantizedType::u8;
  float source_step = 1;            // of quantised values: v = code * source_step
  const int32_t* middle = nullptr;  // of sums: v = x - middle[n, c]; null: v = x
  int count = 0;
  PassOp ops[kMostOps];
  float* reals = nullptr;     // out, or null; may be where x or an `other` lies
  void* quantized = nullptr;  // out, or null: quantised values of the last v
  QuantizedType quantized_type = QuantizedType::u8;
  Quantizer quantizer;  // of quantised values
};

}  // namespace gsx::kernels
