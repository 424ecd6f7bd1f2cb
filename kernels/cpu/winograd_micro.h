// The linear maps of Winograd convolution with the six interpolation points 0, +-5/8, +-3/2 and
// infinity (about twice the rounding error of direct convolution, a third of that of the textbook's
// points). With them a 6x6 input tile d and RxR taps g make MxM outputs, M = 7 - R:
//   outputs = A' [(G g G') . (B' d B)] A
// for R = 2, 3 and 4; B depends on the points alone. Their transposes serve weight gradients. Each
// acts on many channels side by side; the 36 products of element-wise form are the planes of a
// matrix product.
#pragma once
#include <cstdint>

namespace gsx::kernels {

constexpr int kWinogradReach = 6;  // input pixels of a tile, squared
constexpr int kWinogradPlanes = kWinogradReach * kWinogradReach;
// Output pixels of a tile, squared, of filters with `taps` rows and columns.
constexpr int winograd_tile(int taps) { return kWinogradReach + 1 - taps; }

// The 36 numbers of one tile: channel c of plane i at base[i*plane + c/16*panel + c%16]. `channels`
// is always a multiple of 8.
struct Planes {
  float* base;
  int64_t plane, panel;
};

// B' d B; pixels: 36 pointers to the tile's channels.
void winograd_input(const float* const* pixels, int channels, const Planes& to);
// pixels += B m B', of 36 planes; pixels that are the same one get the sum.
void winograd_input_adjoint(const Planes& from, int channels, float* const* pixels);
// A y A', of the M*M pixels of the output's gradient.
void winograd_output_adjoint(int taps, const float* const* pixels, int channels, const Planes& to);
// A' m A + bias (null: none), into M*M pixels.
void winograd_output(int taps, const Planes& from, int channels, const float* bias,
                     float* const* pixels);
// G g G'; rows: R*R pointers to `count` filter values each, count a multiple of 8, of which 16 lie
// together and the next 16 `stride` floats after them; planes: 36 pointers to as many results, null
// where they are known to be zero.
void winograd_filter(int taps, const float* const* rows, int64_t stride, int count,
                     float* const* planes);
// G' u G, into R*R rows of `count` values, `stride` apart.
void winograd_filter_adjoint(int taps, const Planes& from, int count, float* rows, int64_t stride);

}  // namespace gsx::kernels
