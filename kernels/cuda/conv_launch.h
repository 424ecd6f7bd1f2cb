// What the files of the CUDA convolutions offer each other: how a pass is described and launched.
#pragma once
#include <algorithm>
#include <limits>

#include "gpu.h"
#include "kernels/cuda/conv_geometry.h"
#include "kernels/cuda/conv_moments.h"
#include "kernels/cuda/conv_weight.h"

namespace gsx::kernels::GSX_BACKEND::convolution {

constexpr int kManyBlocks = 256;  // about two for every multiprocessor of large devices

inline int tiles(int64_t extent, int tile) { return static_cast<int>((extent + tile - 1) / tile); }

// Pixels and blocks are counted in ints.
inline int checked_count(int64_t n) {
  if (n > std::numeric_limits<int>::max()) {
    throw gpu::Failure(
        "conv: more than 2^31 - 1 pixels or blocks in one call; use smaller batches");
  }
  return static_cast<int>(n);
}

template <class Kernel, class Params>
void launch_blocks(const char* name, Kernel kernel, int64_t blocks, int threads, size_t shared,
                   Exec& e, const Params& params) {
  gpu::launch(name, kernel, {checked_count(blocks)}, {threads}, shared, e.stream, params);
}

// Correlations. The first three need at least five output channels, tensor cores also five input
// channels; tiles_m and tiles_n are filled in on the way. moments: out, of the outputs, where
// takes_moments() and the filter is not swapped; may be none.
void correlate_fp32(Exec&, const FloatCorrelation&, Moments moments);
void correlate_tf32(Exec&, const FloatCorrelation&, Moments moments);
void correlate_bf16(Exec&, const FloatCorrelation&, Moments moments);
void correlate_few_outputs(Exec&, const FloatCorrelation&);    // at most four outputs
void correlate_quantized(Exec&, const QuantizedCorrelation&);  // exact sums of quantised values

// Whether a correlation can take the moments of its outputs on the way: there are more than four
// channels, and no piece touches more than two images.
constexpr int kMostPieceRows = 64;
bool takes_moments(const FloatCorrelation&);

// A correlation whose warps leave the moments of their pieces, `rows` outputs each, in the
// workspace.
struct MomentPieces {
  Exec& e;
  Workspace::Scope scope;
  MomentCorrelation correlation;
  int rows;

  MomentPieces(Exec&, const FloatCorrelation&, int pieces_of_tile, int piece_rows);
  template <class Shape>  // the tiles have been counted
  static MomentPieces of(Exec& e, const FloatCorrelation& c) {
    static_assert(Shape::kWarpM <= kMostPieceRows);
    return {e, c, Shape::kM / Shape::kWarpM, Shape::kWarpM};
  }
  void merge(Moments out) const;
};

// Adds what lies on the border of a reflecting convolution's padded gradient to the pixels of gx
// that it mirrors.
void fold_ring(Exec&, const FloatCorrelation&);

// gw (+)= the gradient of the filter. The first three need at least five channels in `small`,
// tensor cores also in `big`.
void weight_gradient_fp32(Exec&, const WeightGradient&, bool accumulate, float* gw);
void weight_gradient_tf32(Exec&, const WeightGradient&, bool accumulate, float* gw);
void weight_gradient_bf16(Exec&, const WeightGradient&, bool accumulate, float* gw);
void weight_gradient_few(Exec&, const WeightGradient&, bool accumulate, float* gw);
void bias_gradient(Exec&, const View&, const float* gy, bool accumulate, float* gbias);

// out (+)= sum of `count` parts of `size` floats, `stride` apart, in a fixed order.
void reduce_parts(Exec&, const float* parts, int count, int64_t stride, int64_t size,
                  bool accumulate, float* out);

// A weight gradient cut into parts in the workspace: at least 256 positions each, and enough blocks
// of kM rows and kN columns to fill a device.
struct WeightParts {
  Exec& e;
  Workspace::Scope scope;
  WeightGradient gradient;
  int count;

  WeightParts(Exec& exec, const WeightGradient& g, int tile_m, int tile_n, int rows, int columns)
      : e(exec), scope(*exec.workspace), gradient(g) {
    gradient.tiles_m = tiles(rows, tile_m);
    gradient.tiles_n = tiles(columns, tile_n);
    const int wanted = tiles(kManyBlocks, gradient.tiles_m * gradient.tiles_n);
    const int most = std::min(256, tiles(g.positions, 256));
    gradient.part_size = tiles(tiles(g.positions, std::min(wanted, most)), 32) * 32;
    count = tiles(g.positions, gradient.part_size);
    gradient.parts = e.workspace->take<float>(count * g.size);
  }
  int64_t blocks() const { return int64_t{count} * gradient.tiles_m * gradient.tiles_n; }
  void reduce(bool accumulate, float* gw) const {
    reduce_parts(e, gradient.parts, count, gradient.size, gradient.size, accumulate, gw);
  }
};

}  // namespace gsx::kernels::GSX_BACKEND::convolution
