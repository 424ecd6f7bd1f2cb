// The linear maps of Winograd's F(4x4, 3x3) with interpolation points 0, +-5/8, +-3/2 and infinity
// (about twice the rounding error of direct convolution, a third of that of the textbook's points):
//   4x4 outputs = A' [(G g G') . (B' d B)] A   for a 6x6 input tile d and 3x3 taps g,
// and their transposes, for weight gradients. Each acts on many channels side by side; the 36
// products of element-wise form are the planes of a matrix product.
#pragma once
#include <cstdint>

namespace gsx::kernels {

constexpr int kWinogradTile = 4;   // output pixels, squared
constexpr int kWinogradReach = 6;  // input pixels, squared
constexpr int kWinogradPlanes = kWinogradReach * kWinogradReach;

// The 36 numbers of one tile: channel c of plane i at base[i*plane + c/16*panel + c%16]. `channels`
// is always a multiple of 8.
struct Planes {
  float* base;
  int64_t plane, panel;
};

// B' d B; pixels: 36 pointers to the tile's channels.
void winograd_input(const float* const* pixels, int channels, const Planes& to);
// A y A', of 16 pixels of the output's gradient.
void winograd_output_adjoint(const float* const* pixels, int channels, const Planes& to);
// A' m A + bias (null: none), into 16 pixels.
void winograd_output(const Planes& from, int channels, const float* bias, float* const* pixels);
// G g G'; taps: 9 rows of `count` filter values, `stride` apart.
void winograd_filter(const float* taps, int64_t stride, int count, const Planes& to);
// G' u G, into 9 rows.
void winograd_filter_adjoint(const Planes& from, int count, float* taps, int64_t stride);

}  // namespace gsx::kernels
