// The arithmetic of convolutions, compiled once per instruction set: small loops over memory that
// the caller has cut, padded and packed. Nothing here knows images; nothing here runs threads.
#pragma once
#include <cstdint>

namespace gsx::kernels {

constexpr int round_up(int a, int multiple) { return (a + multiple - 1) / multiple * multiple; }
constexpr int ceil_div(int a, int b) { return (a + b - 1) / b; }

// Width of a packed weight panel: output channels side by side.
constexpr int kPanel = 16;

// Panels cover 16 outputs each; the last covers 8 when that is all that remains. The one that
// starts at output k begins at float rows*k.
constexpr int panel_width(int k, int outputs) { return outputs - k > 8 ? kPanel : 8; }

// One product of a block of pixels with weights:
//   out[out_at[i] + k] = (bias[k] or 0) + sum over runs r and j < run_length of
//                        in[in_at[i] + run_at[r] + j] * w[k, r, j]
// for every pixel i and output k. How w lies is each function's own.
template <class In, class Sum, class Packed>
struct ProductBlock {
  const In* in;
  const int32_t* in_at;
  const int32_t* run_at;
  int pixels, runs, run_length;
  const Packed* w;
  int outputs;
  const Sum* bias;  // `outputs` values, or null
  Sum* out;
  const int32_t* out_at;
  bool far;  // whether `in` lies beyond the nearest caches
  bool add;  // start from what `out` holds; no bias then
};
using FloatBlock = ProductBlock<float, float, float>;
using PairBlock = ProductBlock<int16_t, int32_t, int16_t>;  // of quantised values
using QuadBlock = ProductBlock<uint8_t, int32_t, int8_t>;

// outputs is a multiple of 8; w: panels, each [run][j][output].
void multiply(const FloatBlock&);

// At most four outputs, each a dot product. w: [output][run][j], runs padded with zeros to a
// multiple of kDotAlign; as much of the input is read.
void multiply_few(const FloatBlock&);
constexpr int kDotAlign = 32;

// Both on quantised values, as the instruction set in use multiplies them: groups of G = 2 or 4
// neighbours at once. w of the former: panels, each [run][j / G][output][j % G], runs padded with
// zeros to multiples of G; as much of the input is read, so it must be there.
struct QuantizedProducts {
  void (*pairs)(const PairBlock&);
  void (*few_pairs)(const PairBlock&);
  // Null where no instruction sums such products exactly.
  void (*quads)(const QuadBlock&);
  void (*few_quads)(const QuadBlock&);
};
const QuantizedProducts& quantized_products();

// Sums of outer products over a rectangle of pixels, for weight gradients:
//   out[i*out_row + j] += sum over (y, x) of a[y*a_row + x*a_col + i] * b[y*b_row + x*b_col + j]
// for i < m and j < n. Rows up to the next multiple of 8 are computed too: a must be readable and
// out writable there.
struct OuterBlock {
  const float* a;
  int64_t a_row, a_col;
  const float* b;
  int64_t b_row, b_col;
  int64_t b_panel;  // distance from columns [0, 16) of b to columns [16, 32)
  int rows, cols, m, n;
  float* out;
  int64_t out_row;
};
// n is 8, 16, 24 or 32.
void outer(const OuterBlock&);
// m is at most 4, without further rows; b is contiguous, n any and rounded up to a multiple of 16.
void outer_few(const OuterBlock&);
constexpr int kOuterRound = 8;

// to[j*to_row + i] = from[i*from_row + j] for i < rows and j < columns.
void transpose(const float* from, int64_t from_row, int rows, int columns, float* to,
               int64_t to_row);

}  // namespace gsx::kernels
