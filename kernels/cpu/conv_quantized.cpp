// Exact convolution of quantised values: 16-bit products summed in pairs to 32 bits, or 8-bit ones
// in quads where one instruction does that. The order of exact sums is free, so every instruction
// set and either form gives the same bits.
#include <cstring>

#include "kernels/cpu/conv_micro.h"
#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/simd_vnni.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/conv_quantized.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace gsx::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class T, int kMost>
using Lanes = hn::Vec<hn::CappedTag<T, kMost>>;

// Adds the products of neighbouring quantised values to the sums of their lanes. Where pairs are
// not neighbouring lanes of one product, `odd` takes the other half of the sums.
#if HWY_TARGET == HWY_AVX3_DL
// In the assembler's words, because Highway 1.0 asks the processor for these instructions but not
// the compiler.
template <class V>
HWY_INLINE void add_products(Lanes<int16_t, sizeof(V) / 2> x, Lanes<int16_t, sizeof(V) / 2> w,
                             V& sum, V&) {
  asm("vpdpwssd %2, %1, %0" : "+v"(sum.raw) : "v"(x.raw), "v"(w.raw));
}
template <class V>
HWY_INLINE void add_products(Lanes<uint8_t, sizeof(V)> x, Lanes<int8_t, sizeof(V)> w, V& sum, V&) {
  asm("vpdpbusd %2, %1, %0" : "+v"(sum.raw) : "v"(x.raw), "v"(w.raw));
}
#else
template <class V16, class V32>
HWY_INLINE void add_products(V16 x, V16 w, V32& sum, V32& odd) {
  sum = hn::ReorderWidenMulAccumulate(hn::DFromV<V32>(), x, w, sum, odd);
}
#endif

// Pixels of a tile: as many accumulators as there are registers for. NEON has those of AVX-512 but
// keeps two sums for each result; below WebAssembly there may be 16.
constexpr bool kManyRegisters =
    HWY_TARGET != HWY_AVX2 && HWY_TARGET != HWY_NEON && HWY_TARGET != HWY_WASM;
constexpr int kQuantizedPixels = kManyRegisters ? 8 : 6;
constexpr int kDotPixels = kManyRegisters ? 4 : 2;

template <class T>
HWY_INLINE int32_t load_group(const T* p) {
  int32_t group;
  std::memcpy(&group, p, sizeof(group));
  return group;
}

// Columns of a tile: vectors of neighbouring outputs, each `next` quantised values after the one
// before, in rows of `row` quantised values.
template <class Packed>
struct QuantizedColumns {
  const Packed* w;
  int64_t next, row;
  int first_output;
};

// Bytes of a column's weights that stay in the first-level cache while the pixels of a block pass
// by. Between such chunks sums lie in the output, where their lanes are in order: on x86.
constexpr int64_t kChunkBytes = 16 * 1024;
constexpr bool kChunks =
    HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL;

// kPixels pixels times kVectors vectors of outputs, over runs [run0, run1).
template <int kPixels, int kVectors, class D, class In, class Packed>
HWY_INLINE void quantized_tile(D d, const ProductBlock<In, int32_t, Packed>& b,
                               const QuantizedColumns<Packed>& columns, int pixel, int run0,
                               int run1) {
  const hn::Repartition<In, D> d_in;
  const hn::Repartition<Packed, D> d_w;
  using V = hn::Vec<D>;
  constexpr int kGroup = 4 / sizeof(In);
  V even[kPixels * kVectors], odd[kPixels * kVectors];
  HWY_UNROLL(4)
  for (int v = 0; v < kVectors; ++v) {
    const V start = b.bias == nullptr
                        ? hn::Zero(d)
                        : hn::LoadU(d, b.bias + columns.first_output + v * hn::MaxLanes(d));
    HWY_UNROLL(8)
    for (int p = 0; p < kPixels; ++p) {
      const int32_t* out = b.out + b.out_at[pixel + p] + columns.first_output;
      even[p * kVectors + v] =
          kChunks && run0 > 0 ? hn::LoadU(d, out + v * hn::MaxLanes(d)) : start;
      odd[p * kVectors + v] = hn::Zero(d);
    }
  }
  const int64_t groups = ceil_div(b.run_length, kGroup);
  const Packed* HWY_RESTRICT w = columns.w + run0 * groups * columns.row;
  for (int run = run0; run < run1; ++run) {
    const In* HWY_RESTRICT a[kPixels];
    HWY_UNROLL(8)
    for (int p = 0; p < kPixels; ++p) a[p] = b.in + b.in_at[pixel + p] + b.run_at[run];
    for (int64_t j = 0; j < groups; ++j, w += columns.row) {
      hn::Vec<decltype(d_w)> wv[kVectors];
      HWY_UNROLL(4)
      for (int v = 0; v < kVectors; ++v) wv[v] = hn::LoadU(d_w, w + v * columns.next);
      HWY_UNROLL(8)
      for (int p = 0; p < kPixels; ++p) {
        const auto x = hn::BitCast(d_in, hn::Set(d, load_group(a[p] + kGroup * j)));
        HWY_UNROLL(4)
        for (int v = 0; v < kVectors; ++v) {
          add_products(x, wv[v], even[p * kVectors + v], odd[p * kVectors + v]);
        }
      }
    }
  }
  HWY_UNROLL(8)
  for (int p = 0; p < kPixels; ++p) {
    int32_t* out = b.out + b.out_at[pixel + p] + columns.first_output;
    HWY_UNROLL(4)
    for (int v = 0; v < kVectors; ++v) {
      const int i = p * kVectors + v;
      hn::StoreU(hn::RearrangeToOddPlusEven(even[i], odd[i]), d, out + v * hn::MaxLanes(d));
    }
  }
}

template <int kVectors, class D, class Block, class Packed>
HWY_NOINLINE void quantized_column(D d, const Block& b, const QuantizedColumns<Packed>& c) {
  constexpr int kGroup = 4 / sizeof(Packed);
  const int64_t bytes = int64_t{4} * kVectors * hn::MaxLanes(d) * ceil_div(b.run_length, kGroup);
  const auto fitting = static_cast<int>(kChunkBytes / (bytes > 0 ? bytes : 1));
  const int step = !kChunks || b.runs == 0 ? b.runs : fitting > 1 ? fitting : 1;
  int run = 0;
  do {
    const int end = run + step < b.runs ? run + step : b.runs;
    int i = 0;
    for (; i + kQuantizedPixels <= b.pixels; i += kQuantizedPixels)
      quantized_tile<kQuantizedPixels, kVectors>(d, b, c, i, run, end);
    for (; i + 4 <= b.pixels; i += 4) quantized_tile<4, kVectors>(d, b, c, i, run, end);
    for (; i < b.pixels; ++i) quantized_tile<1, kVectors>(d, b, c, i, run, end);
    run = end;
  } while (run < b.runs);
}

// Without vectors: one output row of a panel at a time.
template <class Block>
void scalar_column(const Block& b, const int16_t* panel, int width, int first) {
  for (int i = 0; i < b.pixels; ++i) {
    int32_t* out = b.out + b.out_at[i] + first;
    for (int k = 0; k < width; ++k) out[k] = b.bias == nullptr ? 0 : b.bias[first + k];
    const int16_t* w = panel;
    for (int run = 0; run < b.runs; ++run) {
      const int16_t* a = b.in + b.in_at[i] + b.run_at[run];
      for (int j = 0; j < b.run_length; j += 2, w += 2 * width) {
        for (int k = 0; k < width; ++k) out[k] += a[j] * w[2 * k] + a[j + 1] * w[2 * k + 1];
      }
    }
  }
}

template <class In, class Packed>
void multiply_quantized(const ProductBlock<In, int32_t, Packed>& b) {
  const hn::CappedTag<int32_t, kPanel> wide;
  const hn::CappedTag<int32_t, 8> narrow;
  constexpr int kWide = hn::MaxLanes(wide), kNarrow = hn::MaxLanes(narrow);
  constexpr int kGroup = 4 / sizeof(In);
  const int64_t rows = int64_t{b.runs} * round_up(b.run_length, kGroup);
  for (int k = 0; k < b.outputs; k += kPanel) {
    const Packed* panel = b.w + rows * k;
    const int width = panel_width(k, b.outputs);
    const int64_t row = kGroup * width;
    if constexpr (kWide < 4) {
      scalar_column(b, panel, width, k);
    } else if (width < kPanel) {
      for (int v = 0; v < width; v += kNarrow) {
        quantized_column<1>(narrow, b, QuantizedColumns<Packed>{panel + kGroup * v, 0, row, k + v});
      }
    } else if constexpr (kWide < kPanel) {
      for (int v = 0; v < kPanel; v += 2 * kWide) {
        quantized_column<2>(
            wide, b, QuantizedColumns<Packed>{panel + kGroup * v, kGroup * kWide, row, k + v});
      }
    } else if (b.outputs - k > kPanel + 8) {
      quantized_column<2>(wide, b, QuantizedColumns<Packed>{panel, rows * kPanel, row, k});
      k += kPanel;
    } else {
      quantized_column<1>(wide, b, QuantizedColumns<Packed>{panel, 0, row, k});
    }
  }
}

// kPixels pixels times all of at most four outputs.
template <int kPixels, int kOutputs, class In, class Packed>
HWY_INLINE void dot_tile(const ProductBlock<In, int32_t, Packed>& b, int pixel) {
  const hn::CappedTag<In, kDotAlign> d_in;
  const hn::Repartition<Packed, decltype(d_in)> d_w;
  const hn::Repartition<int32_t, decltype(d_in)> d;
  using V = hn::Vec<decltype(d)>;
  const int64_t padded = round_up(b.run_length, kDotAlign), next = b.runs * padded;
  V even[kPixels * kOutputs], odd[kPixels * kOutputs];
  HWY_UNROLL(16)
  for (int i = 0; i < kPixels * kOutputs; ++i) even[i] = odd[i] = hn::Zero(d);
  const Packed* HWY_RESTRICT w = b.w;
  for (int run = 0; run < b.runs; ++run, w += padded) {
    const In* HWY_RESTRICT a[kPixels];
    HWY_UNROLL(4)
    for (int p = 0; p < kPixels; ++p) a[p] = b.in + b.in_at[pixel + p] + b.run_at[run];
    for (int64_t j = 0; j < b.run_length; j += hn::MaxLanes(d_in)) {
      hn::Vec<decltype(d_in)> x[kPixels];
      HWY_UNROLL(4)
      for (int p = 0; p < kPixels; ++p) x[p] = hn::LoadU(d_in, a[p] + j);
      HWY_UNROLL(4)
      for (int k = 0; k < kOutputs; ++k) {
        const auto wv = hn::LoadU(d_w, w + k * next + j);
        HWY_UNROLL(4)
        for (int p = 0; p < kPixels; ++p) {
          add_products(x[p], wv, even[p * kOutputs + k], odd[p * kOutputs + k]);
        }
      }
    }
  }
  HWY_UNROLL(4)
  for (int p = 0; p < kPixels; ++p) {
    int32_t* out = b.out + b.out_at[pixel + p];
    HWY_UNROLL(4)
    for (int k = 0; k < kOutputs; ++k) {
      const int i = p * kOutputs + k;
      const int32_t sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(even[i], odd[i])));
      out[k] = b.bias == nullptr ? sum : sum + b.bias[k];
    }
  }
}

template <int kOutputs, class Block>
HWY_NOINLINE void quantized_dots(const Block& b) {
  int i = 0;
  for (; i + kDotPixels <= b.pixels; i += kDotPixels) dot_tile<kDotPixels, kOutputs>(b, i);
  for (; i < b.pixels; ++i) dot_tile<1, kOutputs>(b, i);
}

template <class Block>
void multiply_few_quantized(const Block& b) {
  switch (b.outputs) {
    case 1: return quantized_dots<1>(b);
    case 2: return quantized_dots<2>(b);
    case 3: return quantized_dots<3>(b);
    default: return quantized_dots<4>(b);
  }
}

const QuantizedProducts& quantized_table() {
  static constexpr QuantizedProducts kTable = {
    multiply_quantized,
    multiply_few_quantized,
#if HWY_TARGET == HWY_AVX3_DL
    multiply_quantized,
    multiply_few_quantized,
#else
    nullptr,
    nullptr,
#endif
  };
  return kTable;
}

}  // namespace HWY_NAMESPACE
}  // namespace gsx::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gsx::kernels {
HWY_EXPORT(quantized_table);
const QuantizedProducts& quantized_products() { return GSX_DISPATCH(quantized_table)(); }
}  // namespace gsx::kernels
#endif
