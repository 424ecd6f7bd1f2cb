// What happens to single values between two convolutions of the integer program, in one pass over
// memory: from sums, codes or real values through a few operations to real values, codes or both.
// One formula per element (scalar.h), so fusing changes no bit.
#pragma once
#include "kernels/codes.h"
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
  enum class Source : uint8_t { reals, codes, sums };
  static constexpr int kMostOps = 6;

  Source source = Source::reals;
  const void* x = nullptr;  // float, codes of code_type, or int32_t
  CodeType code_type = CodeType::u8;
  float code_scale = 1;             // of codes: v = code * code_scale
  const int32_t* middle = nullptr;  // of sums: v = x - middle[n, c]; null: v = x
  int count = 0;
  PassOp ops[kMostOps];
  float* reals = nullptr;  // out, or null; may be where x or an `other` lies
  void* codes = nullptr;   // out, or null: codes of the last v
  CodeType codes_type = CodeType::u8;
  Quantizer quantizer;  // of codes
};

}  // namespace gsx::kernels
