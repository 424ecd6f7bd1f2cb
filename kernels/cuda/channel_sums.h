// Sums over the pixels of images per channel: in float over a few pixels, then in double; first by
// many blocks into the workspace, then by one thread per channel and slice of blocks.
#pragma once
#include <algorithm>
#include <cstdint>

#include "kernels/cuda/map.h"
#include "kernels/cuda/reduce.h"

namespace gsx::kernels::GSX_BACKEND {

constexpr int kSumPixels = 16;  // summed in float before double takes over

// How images are cut, by their shape alone: a block takes `part` pixels of one image and `columns`
// groups of channels, a thread every rows-th pixel of them.
struct ChannelTiles {
  int64_t plane, part;  // pixels of an image, of a block
  int images, c, cs;
  int columns, rows, column_tiles, parts;

  static ChannelTiles of(int images, int64_t plane, int c, int cs, int width) {
    const int groups = cs / width;
    ChannelTiles t = {plane, 0, images, c, cs, 0, 0, 0, 0};
    t.columns = std::min(groups, 32);
    t.rows = kSumThreads / t.columns;
    t.column_tiles = (groups + t.columns - 1) / t.columns;
    t.part = std::max<int64_t>(int64_t{kSumPixels} * t.rows, (plane + kMostParts - 1) / kMostParts);
    t.parts = static_cast<int>(std::max<int64_t>(1, (plane + t.part - 1) / t.part));
    return t;
  }
  int64_t blocks() const { return int64_t{images} * parts * column_tiles; }

  static constexpr int kSumThreads = 256, kMostParts = 512;
};

template <int kSums, int kWidth>
struct ChannelSums {
  double value[kSums][kWidth] = {};
  __device__ void add(const ChannelSums& other) {
#pragma unroll
    for (int s = 0; s < kSums; ++s) {
#pragma unroll
      for (int i = 0; i < kWidth; ++i) value[s][i] += other.value[s][i];
    }
  }
};

template <int kSums, int kWidth>
struct ChannelShared {
  ChannelSums<kSums, kWidth> threads[ChannelTiles::kSumThreads];
};

// partials[image][part][sum][cs]. f(element, channel, sums) adds kWidth channels of one pixel to
// float sums. Reads each input once, `columns` threads side by side along channels.
template <int kSums, int kWidth, class F>
__global__ void __launch_bounds__(ChannelTiles::kSumThreads)
    channel_sums_kernel(const F f, const ChannelTiles t, double* partials) {
  auto& shared = gpu::dynamic_shared<ChannelShared<kSums, kWidth>>();
  const int thread = static_cast<int>(threadIdx.x), block = static_cast<int>(blockIdx.x);
  const int row = thread / t.columns, image_part = block / t.column_tiles;
  const int image = image_part / t.parts, part = image_part % t.parts;
  const int channel = (block % t.column_tiles * t.columns + thread % t.columns) * kWidth;
  const bool busy = row < t.rows && channel < t.cs;
  const int64_t begin = part * t.part;
  const int64_t end = t.plane - begin < t.part ? t.plane : begin + t.part;
  ChannelSums<kSums, kWidth> total;
  for (int64_t first = begin + row; busy && first < end; first += int64_t{kSumPixels} * t.rows) {
    Lanes<kWidth> sums[kSums];
#pragma unroll 4
    for (int j = 0; j < kSumPixels; ++j) {
      const int64_t pixel = first + int64_t{j} * t.rows;
      if (pixel < end) f((image * t.plane + pixel) * t.cs + channel, channel, sums);
    }
#pragma unroll
    for (int s = 0; s < kSums; ++s) {
#pragma unroll
      for (int i = 0; i < kWidth; ++i) total.value[s][i] += sums[s].value[i];
    }
  }
  shared.threads[thread] = total;
  add_thread_rows(shared.threads, t.rows, t.columns);
  if (!busy || thread >= t.columns) return;
  const ChannelSums<kSums, kWidth>& sum = shared.threads[thread];
#pragma unroll
  for (int s = 0; s < kSums; ++s) {
#pragma unroll
    for (int i = 0; i < kWidth; ++i) {
      partials[(int64_t{image_part} * kSums + s) * t.cs + channel + i] = sum.value[s][i];
    }
  }
}

constexpr int kFinishColumns = 32, kFinishRows = ChannelTiles::kSumThreads / kFinishColumns;

// g(image, channel, sums) for every channel below t.c; a block takes 32 channels of an image, each
// of its eight rows every eighth part.
template <int kSums, class G>
__global__ void __launch_bounds__(ChannelTiles::kSumThreads)
    finish_channels_kernel(const G g, const ChannelTiles t, const double* partials) {
  auto& shared = gpu::dynamic_shared<ChannelShared<kSums, 1>>();
  const int thread = static_cast<int>(threadIdx.x), image = static_cast<int>(blockIdx.y);
  const int channel = static_cast<int>(blockIdx.x) * kFinishColumns + thread % kFinishColumns;
  ChannelSums<kSums, 1> sum;
  if (channel < t.c) {
    for (int part = thread / kFinishColumns; part < t.parts; part += kFinishRows) {
      const int64_t at = (int64_t{image} * t.parts + part) * kSums;
#pragma unroll
      for (int s = 0; s < kSums; ++s) sum.value[s][0] += partials[(at + s) * t.cs + channel];
    }
  }
  shared.threads[thread] = sum;
  add_thread_rows(shared.threads, kFinishRows, kFinishColumns);
  if (thread >= kFinishColumns || channel >= t.c) return;
  double sums[kSums];
#pragma unroll
  for (int s = 0; s < kSums; ++s) sums[s] = shared.threads[thread].value[s][0];
  g(image, channel, sums);
}

// g of the channel sums of f over every image of `plane` pixels; wide: f reads 16 aligned bytes.
template <int kSums, class F, class G>
void sum_channels(const char* name, Exec& e, int images, int64_t plane, int c, int cs, bool wide,
                  const F& f, const G& g) {
  const ChannelTiles t = ChannelTiles::of(images, plane, c, cs, wide ? 4 : 1);
  Workspace::Scope scope(*e.workspace);
  double* partials = e.workspace->take<double>(int64_t{images} * t.parts * kSums * cs);
  if (wide) {
    gpu::launch(name, channel_sums_kernel<kSums, 4, F>, {t.blocks()}, {t.kSumThreads},
                sizeof(ChannelShared<kSums, 4>), e.stream, f, t, partials);
  } else {
    gpu::launch(name, channel_sums_kernel<kSums, 1, F>, {t.blocks()}, {t.kSumThreads},
                sizeof(ChannelShared<kSums, 1>), e.stream, f, t, partials);
  }
  gpu::launch("finish_channels", finish_channels_kernel<kSums, G>,
              {(c + kFinishColumns - 1) / kFinishColumns, images}, {t.kSumThreads},
              sizeof(ChannelShared<kSums, 1>), e.stream, g, t, partials);
}

}  // namespace gsx::kernels::GSX_BACKEND
