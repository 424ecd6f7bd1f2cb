// A block's slice of one operand in shared memory, and which thread fills which part of it.
#pragma once
#include "gpu.h"

namespace gsx::kernels::GSX_BACKEND::convolution {

// How an operand's slice lies: rows along the contraction's partner with the contraction contiguous
// (`along_k`), or rows of the contraction (`across_k`), whichever needs no transposition on the way
// from global memory.
enum class Layout { along_k, across_k };

// Rows of 16-byte chunks, permuted within a row by a key of the row so that the accesses of a
// quarter warp (eight chunks) meet eight different bank groups:
//   four chunks per row: chunks of eight neighbouring rows, or of rows 0 4 8 12;
//   eight or more: one chunk of eight neighbouring rows, or two neighbouring chunks of four rows.
template <class Word, int kRows_, int kChunks_, bool kSwizzled = true>
struct Tile {
  static constexpr int kRows = kRows_, kChunks = kChunks_;
  alignas(16) Word words[kRows * kChunks * 4];

  __device__ static constexpr int key(int row) {
    if (!kSwizzled) return 0;
    if (kChunks == 4) return ((row >> 1) ^ (row >> 3)) & 3;
    return ((row & 3) << 1) | ((row >> 2) & 1);
  }
  // Row and chunk as sums of a part of the thread's own and a part known when compiling, without
  // carries between them: the key of a sum is then the exclusive or of the keys, and addresses are
  // a few registers plus constants.
  __device__ static constexpr int at(int row, int row_part, int chunk, int chunk_part) {
    return (row + row_part) * kChunks * 4 +
           (((chunk ^ key(row)) ^ (chunk_part ^ key(row_part))) << 2);
  }
  __device__ static constexpr int at(int row, int chunk) { return at(row, 0, chunk, 0); }
};

// Which chunks of a tile this thread copies: one column of chunks, rows first, first + kStep, ...
template <int kRows, int kChunks, int kThreads>
struct Share {
  static_assert(kThreads % kChunks == 0 && kRows * kChunks % kThreads == 0);
  static constexpr int kStep = kThreads / kChunks, kCount = kRows / kStep;

  __device__ static int chunk() { return static_cast<int>(threadIdx.x) % kChunks; }
  __device__ static int row(int i) { return static_cast<int>(threadIdx.x) / kChunks + i * kStep; }
};

}  // namespace gsx::kernels::GSX_BACKEND::convolution
