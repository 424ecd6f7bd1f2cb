// The linear maps of exact Winograd convolution of quantised values (docs/int8-winograd.md), with
// the six interpolation points 0, 1, -1, 2, -1/2 and infinity, scaled to integers:
//   900 y = A' [sum over channels of (G g G') . (B' d B)] A
// for 3x3 taps g, 6x6 input tiles d and 4x4 outputs y. The factors fit 16 bits, everything after
// them may wrap around 2^32: times the inverse of 225, and then divided by 4, the sums are exact
// where |y| < 2^29.
#pragma once
#include <cstdint>

namespace gsx::kernels {

constexpr int kExactTile = 4, kExactReach = 6, kExactPlanes = kExactReach * kExactReach;
constexpr int kExactTaps = 9;
// |B' d B| is at most this often the distance between the largest and the smallest d, which
// lie on either side of zero.
constexpr int kExactGrowth = 98;
constexpr uint32_t kInverseOf225 = 2271560481u;
constexpr int64_t kExactBound = int64_t{1} << 29;  // |y| stays below

// Output channels whose products are together before they go back, in panels of neighbours that one
// loop multiplies.
constexpr int kExactGroup = 64;

// Products of one plane of tiles with a panel of filters:
//   out[i*out_tile + k] = sum over j < pairs of in[i*in_tile + 2j + {0,1}] * w[(j*width + k)*2 +
//   {0,1}]
struct ExactProducts {
  const int16_t* in;
  int64_t in_tile;
  int tiles, pairs, width;  // width: a multiple of `lanes`, at most `panel`
  const int16_t* w;
  uint32_t* out;
  int64_t out_tile;
  const void* next;  // what will be multiplied after this: sent for meanwhile
};

// 16-bit taps of `lanes` output channels and `quads` groups of four input channels, and where their
// 36 planes go: quad j of tap t lies at rows[t] + j*row, [output][4] bytes; pair i of plane p goes
// to to + p*plane + i*pair, [output][2].
struct ExactFilter {
  const int8_t* rows[kExactTaps];
  int64_t row;
  int quads, pairs, outputs;  // outputs: `lanes` or 8, if that is less
  int16_t* to;
  int64_t plane, pair;
};

// One tile of `channels` output channels, a multiple of 8: plane p at m + p*plane; pixel (i, j)
// goes to y + i*row + j*column where i < rows and j < columns. The next tile, which is sent for,
// lies m_next and y_next further on.
struct ExactOutput {
  const uint32_t* m;
  int64_t plane, m_next;
  int channels, rows, columns;
  int32_t* y;
  int64_t row, column, y_next;
};

// Of a tile's pixels (36 pointers, `channels` values each, a multiple of 8): plane p goes to
// to + p*plane.
void exact_input(const uint8_t* const* pixels, int channels, int16_t* to, int64_t plane);
void exact_input(const int8_t* const* pixels, int channels, int16_t* to, int64_t plane);
void exact_input(const int16_t* const* pixels, int channels, int16_t* to, int64_t plane);
void exact_filter(const ExactFilter&);
void exact_output(const ExactOutput&);

// In the time of one product of direct convolution: a product of transformed numbers, a number of
// the tiles' planes before the products and one after them (less what direct convolution spends on
// an output), a number of the filters' planes.
struct ExactCosts {
  float product = 0, input = 0, output = 0, filter = 0;
};

// What the instruction set in use multiplies.
struct ExactWinograd {
  int lanes = 0, panel = 0;  // output channels of a vector and of a panel; none: no vectors
  ExactCosts costs;
  void (*multiply)(const ExactProducts&) = nullptr;
};
const ExactWinograd& exact_winograd();

}  // namespace gsx::kernels
