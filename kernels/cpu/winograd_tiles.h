// Cutting images into tiles of output pixels.
#pragma once
#include "kernels/cpu/conv_geometry.h"
#include "kernels/cpu/winograd_micro.h"

namespace gsx::kernels {

constexpr int kTransformTiles = 4;  // tiles per task where a pass only transforms them

struct TileAt {
  int image, y, x;  // first output pixel
};

struct TileGrid {
  int tile, down, across;

  TileGrid(int t, int tiles_down, int tiles_across)
      : tile(t), down(tiles_down), across(tiles_across) {}
  int64_t tiles() const { return int64_t{down} * across; }
  TileAt at(int64_t index) const {
    const int in_image = static_cast<int>(index % tiles());
    return {static_cast<int>(index / tiles()), in_image / across * tile, in_image % across * tile};
  }
};

// Pointers to size x size pixels at (y, x) of a padded image, `step` apart. What lies beyond the
// border, as tiles that overhang the image do, is `zeros`.
template <class T>
void tile_pixels(const View& v, const T* image, int y, int x, int step, int size, PadMode mode,
                 const T* zeros, const T** pixels) {
  int columns[kWinogradReach];
  for (int j = 0; j < size; ++j) columns[j] = padded_index(x + j * step, v.w, mode);
  for (int i = 0; i < size; ++i) {
    const int row = padded_index(y + i * step, v.h, mode);
    for (int j = 0; j < size; ++j) {
      const int column = columns[j];
      const bool inside = row >= 0 && row < v.h && column >= 0 && column < v.w;
      *pixels++ = inside ? image + v.offset(0, row, column) : zeros;
    }
  }
}

// Planes a power of two apart would fall into the same cache sets.
inline int64_t padded_plane(int64_t floats) { return (floats + 15) / 16 * 16 + 80; }

}  // namespace gsx::kernels
