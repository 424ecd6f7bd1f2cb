// Direct convolution in float and in exact integers.
#include "kernels/cpu/conv_direct.h"

#include "kernels/cpu/conv_correlate.h"
#include "kernels/cpu/packed_quantized.h"

namespace gsx::kernels {
namespace {

struct FloatArithmetic {
  using In = float;
  using Slab = float;
  using Filter = Weights<float>;
  using Packed = float;
  using Sum = float;
  static constexpr int kGroup = 1;
  static void multiply(const FloatBlock& b) { kernels::multiply(b); }
  static void multiply_few(const FloatBlock& b) { kernels::multiply_few(b); }
};

// Products of 16-bit quantised values, in pairs. Panels become 16 bits wide in every call.
template <class T>
struct PairArithmetic {
  using In = T;
  using Slab = int16_t;
  using Filter = PackedQuantized;
  using Packed = int16_t;
  using Sum = int32_t;
  static constexpr int kGroup = kQuantizedGroup;
  static void multiply(const PairBlock& b) { quantized_products().pairs(b); }
  static void multiply_few(const PairBlock& b) { quantized_products().few_pairs(b); }
  static const int16_t* packed(Exec& e, const PackedQuantized& w, size_t part) {
    const int64_t rows = int64_t{w.runs(part).count} * w.padded(part) / kQuantizedGroup;
    const int64_t size = rows * kQuantizedGroup * w.outputs();
    int16_t* to = e.workspace->take<int16_t>(size);
    const int8_t* from = w.panels(part);
    if (w.few()) {
      std::copy_n(from, size, to);
      return to;
    }
    e.pool->run(ceil_div(w.outputs(), kPanel), [&](int64_t panel, int) {
      const int k = static_cast<int>(panel) * kPanel, width = panel_width(k, w.outputs());
      split_quads(rows, width, from + rows * kQuantizedGroup * k, to + rows * kQuantizedGroup * k);
    });
    return to;
  }

 private:
  // [row][output][4] to [row][half][output][2].
  static void split_quads(int64_t rows, int width, const int8_t* from, int16_t* to) {
    for (int64_t row = 0; row < rows; ++row, from += 4 * width, to += 4 * width) {
      for (int k = 0; k < width; ++k) {
        to[2 * k] = from[4 * k];
        to[2 * k + 1] = from[4 * k + 1];
        to[2 * (width + k)] = from[4 * k + 2];
        to[2 * (width + k) + 1] = from[4 * k + 3];
      }
    }
  }
};

// Products of quantised values that fit a byte, in quads.
template <class T>
struct QuadArithmetic {
  using In = T;
  using Slab = uint8_t;
  using Filter = PackedQuantized;
  using Packed = int8_t;
  using Sum = int32_t;
  static constexpr int kGroup = kQuantizedGroup;
  static void multiply(const QuadBlock& b) { quantized_products().quads(b); }
  static void multiply_few(const QuadBlock& b) { quantized_products().few_quads(b); }
  static const int8_t* packed(Exec&, const PackedQuantized& w, size_t part) {
    return w.panels(part);
  }
};

}  // namespace

void correlate_direct(Exec& e, const std::vector<Correlation>& parts, const View& in,
                      const View& out, PadMode mode, const Weights<float>& w, const float* x,
                      const float* bias, float* y, const ImageMoments* moments) {
  Correlate<FloatArithmetic>(parts, in, out, mode, w, 0).run(e, x, bias, y, moments);
}

void correlate_quantized(Exec& e, const std::vector<Correlation>& parts, const View& in,
                         const View& out, PadMode mode, const PackedQuantized& w,
                         const QuantizedImage& x, int32_t* y, ExactSums sums) {
  const int threads = e.pool->size();
  with_quantized_type(x.type, [&]<class T>() {
    const auto* data = static_cast<const T*>(x.data);
    if (x.range.fits_byte() && quantized_products().quads != nullptr) {
      const auto origin = static_cast<T>(x.range.lo);
      Correlate<QuadArithmetic<T>>(parts, in, out, mode, w, threads, origin)
          .run(e, data, nullptr, y, sums);
    } else {
      Correlate<PairArithmetic<T>>(parts, in, out, mode, w, threads).run(e, data, nullptr, y, sums);
    }
  });
}

}  // namespace gsx::kernels
