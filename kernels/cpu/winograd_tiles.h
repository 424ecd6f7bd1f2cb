// Cutting images into 4x4 output tiles, and when that pays.
#pragma once
#include "kernels/cpu/conv_geometry.h"
#include "kernels/cpu/winograd_micro.h"

namespace gsx::kernels {

struct TileAt {
  int image, y, x;  // first output pixel
};

struct TileGrid {
  int down, across;

  TileGrid(int h, int w)
      : down((h + kWinogradTile - 1) / kWinogradTile),
        across((w + kWinogradTile - 1) / kWinogradTile) {}
  int64_t tiles() const { return int64_t{down} * across; }
  TileAt at(int64_t tile) const {
    const int in_image = static_cast<int>(tile % tiles());
    return {static_cast<int>(tile / tiles()), in_image / across * kWinogradTile,
            in_image % across * kWinogradTile};
  }
};

// Pointers to the pixels of a size x size square at (y, x) of a padded image. What lies beyond the
// border, as tiles that overhang the image do, is `zeros`.
inline void tile_pixels(const View& v, const float* image, int y, int x, int size, PadMode mode,
                        const float* zeros, const float** pixels) {
  int columns[kWinogradReach];
  for (int j = 0; j < size; ++j) columns[j] = padded_index(x + j, v.w, mode);
  for (int i = 0; i < size; ++i) {
    const int row = padded_index(y + i, v.h, mode);
    for (int j = 0; j < size; ++j) {
      const int column = columns[j];
      const bool inside = row >= 0 && row < v.h && column >= 0 && column < v.w;
      *pixels++ = inside ? image + v.offset(0, row, column) : zeros;
    }
  }
}

// Planes a power of two apart would fall into the same cache sets.
inline int64_t padded_plane(int64_t floats) { return (floats + 15) / 16 * 16 + 80; }

// Whether transforms cost less than the products they save, in products of one multiply-add:
// measured costs per transformed number of a tile and of a filter.
inline bool winograd_gain(int64_t tiles, int64_t pixels, int c, int k) {
  constexpr int64_t kPerTileNumber = 8, kPerFilterNumber = 8;
  const int64_t direct = pixels * 9 * c * k;
  const int64_t products = tiles * kWinogradPlanes * c * k;
  const int64_t transforms =
      kWinogradPlanes * (kPerTileNumber * tiles * (c + k) + kPerFilterNumber * c * k);
  return c >= 8 && k >= 8 && products + transforms < direct;
}

}  // namespace gsx::kernels
