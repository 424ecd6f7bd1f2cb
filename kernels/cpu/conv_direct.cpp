// Direct convolution in float and in exact integers.
#include "kernels/cpu/conv_direct.h"

#include "kernels/cpu/conv_correlate.h"

namespace gsx::kernels {
namespace {

struct FloatArithmetic {
  using In = float;
  using Weight = float;
  using Packed = float;
  using Sum = float;
  static constexpr int kPair = 1;
  static void multiply(const FloatBlock& b) { kernels::multiply(b); }
  static void multiply_few(const FloatBlock& b) { kernels::multiply_few(b); }
};

struct CodeArithmetic {
  using In = int16_t;
  using Weight = int8_t;
  using Packed = int16_t;
  using Sum = int32_t;
  static constexpr int kPair = 2;
  static void multiply(const CodeBlock& b) { multiply_codes(b); }
  static void multiply_few(const CodeBlock& b) { multiply_few_codes(b); }
};

}  // namespace

void correlate_direct(Exec& e, const std::vector<Correlation>& parts, const View& in,
                      const View& out, PadMode mode, const Weights<float>& w, const float* x,
                      const float* bias, float* y) {
  Correlate<FloatArithmetic>(parts, in, out, mode, w).run(e, x, bias, y);
}

void correlate_codes(Exec& e, const std::vector<Correlation>& parts, const View& in,
                     const View& out, PadMode mode, const Weights<int8_t>& w, const int16_t* x,
                     int32_t* y) {
  Correlate<CodeArithmetic>(parts, in, out, mode, w).run(e, x, nullptr, y);
}

}  // namespace gsx::kernels
