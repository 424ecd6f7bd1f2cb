// Direct convolution in float and in exact integers.
#include "kernels/cpu/conv_direct.h"

#include "kernels/cpu/conv_correlate.h"

namespace gsx::kernels {
namespace {

struct FloatArithmetic {
  using In = float;
  using Slab = float;
  using Weight = float;
  using Packed = float;
  using Sum = float;
  static constexpr int kGroup = 1;
  static void multiply(const FloatBlock& b) { kernels::multiply(b); }
  static void multiply_few(const FloatBlock& b) { kernels::multiply_few(b); }
};

// Products of 16-bit codes, in pairs.
struct PairArithmetic {
  using In = int16_t;
  using Slab = int16_t;
  using Weight = int8_t;
  using Packed = int16_t;
  using Sum = int32_t;
  static constexpr int kGroup = 2;
  static void multiply(const PairBlock& b) { code_products().pairs(b); }
  static void multiply_few(const PairBlock& b) { code_products().few_pairs(b); }
};

// Products of codes that fit a byte, in quads.
struct QuadArithmetic {
  using In = int16_t;
  using Slab = uint8_t;
  using Weight = int8_t;
  using Packed = int8_t;
  using Sum = int32_t;
  static constexpr int kGroup = 4;
  static void multiply(const QuadBlock& b) { code_products().quads(b); }
  static void multiply_few(const QuadBlock& b) { code_products().few_quads(b); }
};

}  // namespace

void correlate_direct(Exec& e, const std::vector<Correlation>& parts, const View& in,
                      const View& out, PadMode mode, const Weights<float>& w, const float* x,
                      const float* bias, float* y, const ImageMoments* moments) {
  Correlate<FloatArithmetic>(parts, in, out, mode, w).run(e, x, bias, y, moments);
}

void correlate_codes(Exec& e, const std::vector<Correlation>& parts, const View& in,
                     const View& out, PadMode mode, const Weights<int8_t>& w, CodeRange range,
                     const int16_t* x, int32_t* y) {
  if (range.fits_byte() && code_products().quads != nullptr) {
    const auto origin = static_cast<int16_t>(range.lo);
    Correlate<QuadArithmetic>(parts, in, out, mode, w, origin).run(e, x, nullptr, y, nullptr);
  } else {
    Correlate<PairArithmetic>(parts, in, out, mode, w).run(e, x, nullptr, y, nullptr);
  }
}

}  // namespace gsx::kernels
