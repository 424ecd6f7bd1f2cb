// How passes over images with one set of numbers per image and channel are cut: an image into
// pieces of pixels, a pixel into groups of kWidth channels. By shape alone.
//
// A block has one piece, and up to 256 groups of it. Its threads lie over groups first and then
// over pixels: thread t has group t % columns and every rows-th pixel, from pixel t / columns of
// the piece on. So a block reads whole runs of memory, whatever the number of channels, and a
// thread keeps its channels' numbers in registers.
#pragma once
#include <algorithm>
#include <cstdint>

#include "gpu.h"
#include "kernels/cuda/conv_lanes.h"
#include "kernels/cuda/map.h"
#include "kernels/view.h"

namespace gsx::kernels::GSX_BACKEND {

constexpr int kPieceThreads = 256;

struct ImagePieces {
  View view;
  int columns, rows, tiles;  // groups and pixels a block has at a time; blocks side by side
  int pixels;                // of a piece but the last
  int pieces;                // of an image

  static ImagePieces of(const View& v, int width) {
    constexpr int64_t kEnoughBlocks = 1024, kFewestPixels = 8;  // per thread
    ImagePieces p;
    p.view = v;
    if (v.plane() > INT32_MAX) throw gpu::Failure("an image of more than 2^31 - 1 pixels");
    const int groups = v.cs / width;
    p.tiles = (groups + kPieceThreads - 1) / kPieceThreads;
    p.columns = (groups + p.tiles - 1) / p.tiles;
    p.rows = kPieceThreads / p.columns;
    const int64_t wanted = std::max<int64_t>(1, kEnoughBlocks / (int64_t{v.n} * p.tiles));
    const int64_t each = (v.plane() + p.rows * wanted - 1) / (p.rows * wanted);
    const int64_t pixels = std::min(std::max(each, kFewestPixels) * p.rows, v.plane());
    p.pixels = static_cast<int>(pixels);
    p.pieces = static_cast<int>((v.plane() + pixels - 1) / pixels);
    return p;
  }
  gpu::Grid grid() const { return {int64_t{view.n} * pieces, tiles}; }
};

// This thread's part.
struct PieceThread {
  int thread, image, piece, row, channel;
  int pixels;     // of the piece
  bool active;    // some threads of a block may have nothing to do
  int64_t first;  // element `channel` of the piece's first pixel

  template <int kWidth>
  __device__ __forceinline__ static PieceThread of(const ImagePieces& p) {
    PieceThread t;
    t.thread = static_cast<int>(threadIdx.x);
    t.image = static_cast<int>(blockIdx.x) / p.pieces;
    t.piece = static_cast<int>(blockIdx.x) - t.image * p.pieces;
    t.row = t.thread / p.columns;
    const int group = static_cast<int>(blockIdx.y) * p.columns + t.thread - t.row * p.columns;
    t.channel = group * kWidth;
    t.active = t.row < p.rows && t.channel < p.view.cs;
    const int64_t plane = p.view.plane(), pixel = int64_t{t.piece} * p.pixels;
    t.pixels = static_cast<int>(plane - pixel < p.pixels ? plane - pixel : p.pixels);
    t.first = (t.image * plane + pixel) * p.view.cs + t.channel;
    return t;
  }
};

// Adds up what the rows of a block have: on return, threads of row 0 hold the sums in `shared`.
// Shared: `void add(int to, int from)` adds what thread `from` stored to what `to` did.
template <class Shared>
__device__ __forceinline__ void add_piece_rows(Shared& shared, int thread, int rows, int columns) {
  while (rows > 1) {
    const int half = (rows + 1) / 2;
    __syncthreads();
    if (thread < (rows - half) * columns) shared.add(thread, thread + half * columns);
    rows = half;
  }
}

// The second level of sums: a block adds up 16 neighbouring channels over the pieces of an image
// (or over images), each of its 16 rows of threads every sixteenth. Grid: images, tiles of 16
// channels.
constexpr int kMergeColumns = 16, kMergeRows = 16, kMergeThreads = kMergeColumns * kMergeRows;

inline gpu::Grid merge_grid(int64_t images, int channels) {
  return {images, (channels + kMergeColumns - 1) / kMergeColumns};
}

}  // namespace gsx::kernels::GSX_BACKEND
