// Sums in a fixed order: parts of weight gradients, and the gradient of the bias.
#include <algorithm>

#include "kernels/cuda/conv_lanes.h"
#include "kernels/cuda/conv_launch.h"

namespace gsx::kernels::GSX_BACKEND::convolution {

constexpr int kThreads = 256;

template <int kWidth>
struct SumShared {
  Lanes<kWidth> sum[kThreads];
};

// Adds up rows of `columns` values in shared memory into row 0: halves onto each other.
template <int kWidth>
__device__ void add_rows(SumShared<kWidth>& shared, int rows, int columns) {
  const int thread = static_cast<int>(threadIdx.x);
  while (rows > 1) {
    const int half = (rows + 1) / 2;
    __syncthreads();
    if (thread < (rows - half) * columns)
      shared.sum[thread].add(shared.sum[thread + half * columns]);
    rows = half;
  }
  __syncthreads();
}

struct PartsParams {
  const float* parts;
  int64_t stride, groups;  // between parts; of kWidth elements in a part
  int count;
  bool accumulate;
  float* out;
};

constexpr int kColumns = 32, kSlices = kThreads / kColumns;

// A block owns 32 groups of elements; its eight rows of threads take every eighth part each.
template <int kWidth>
__global__ void __launch_bounds__(kThreads) reduce_parts_kernel(const PartsParams p) {
  auto& shared = gpu::dynamic_shared<SumShared<kWidth>>();
  const int thread = static_cast<int>(threadIdx.x);
  const int64_t group = int64_t{blockIdx.x} * kColumns + thread % kColumns;
  Lanes<kWidth> sum;
  if (group < p.groups) {
    const float* from = p.parts + group * kWidth;
    for (int i = thread / kColumns; i < p.count; i += kSlices) {
      sum.add(Lanes<kWidth>::load(from + i * p.stride));
    }
  }
  shared.sum[thread] = sum;
  add_rows(shared, kSlices, kColumns);
  if (thread >= kColumns || group >= p.groups) return;
  Lanes<kWidth> total = shared.sum[thread];
  float* out = p.out + group * kWidth;
  if (p.accumulate) {
    const Lanes<kWidth> before = Lanes<kWidth>::load(out);
    total.add(before);
  }
  total.store(out);
}

void reduce_parts(Exec& e, const float* parts, int count, int64_t stride, int64_t size,
                  bool accumulate, float* out) {
  const bool vector = size % 4 == 0 && stride % 4 == 0;
  const PartsParams p = {parts, stride, vector ? size / 4 : size, count, accumulate, out};
  if (vector) {
    launch_blocks("conv_reduce_parts", reduce_parts_kernel<4>, (p.groups + kColumns - 1) / kColumns,
                  kThreads, sizeof(SumShared<4>), e, p);
  } else {
    launch_blocks("conv_reduce_parts", reduce_parts_kernel<1>, (p.groups + kColumns - 1) / kColumns,
                  kThreads, sizeof(SumShared<1>), e, p);
  }
}

struct BiasParams {
  const float* gy;
  float* parts;  // one row of cs floats per part
  int pixels, part_size, cs;
  int columns, rows;  // threads along channels (in kWidth) and along pixels
  int column_tiles;
};

// A block sums one part's pixels for `columns` groups of channels.
template <int kWidth>
__global__ void __launch_bounds__(kThreads) sum_pixels_kernel(const BiasParams p) {
  auto& shared = gpu::dynamic_shared<SumShared<kWidth>>();
  const int thread = static_cast<int>(threadIdx.x), block = static_cast<int>(blockIdx.x);
  const int part = block / p.column_tiles;
  const int channel = (block % p.column_tiles * p.columns + thread % p.columns) * kWidth;
  const int begin = part * p.part_size;
  const int end = p.pixels - begin < p.part_size ? p.pixels : begin + p.part_size;
  const bool busy = thread < p.rows * p.columns && channel < p.cs;
  Lanes<kWidth> sum;
  if (busy) {
    for (int i = begin + thread / p.columns; i < end; i += p.rows) {
      sum.add(Lanes<kWidth>::load(p.gy + static_cast<int64_t>(i) * p.cs + channel));
    }
  }
  shared.sum[thread] = sum;
  add_rows(shared, p.rows, p.columns);
  if (busy && thread < p.columns) {
    shared.sum[thread].store(p.parts + static_cast<int64_t>(part) * p.cs + channel);
  }
}

void bias_gradient(Exec& e, const View& view, const float* gy, bool accumulate, float* gbias) {
  const bool vector = view.cs % 4 == 0;
  const int groups = vector ? view.cs / 4 : view.cs;
  BiasParams p;
  p.gy = gy;
  p.pixels = checked_count(view.pixels());
  p.cs = view.cs;
  p.columns = std::min(groups, 64);
  p.rows = kThreads / p.columns;
  p.column_tiles = tiles(groups, p.columns);
  p.part_size = std::max(16 * p.rows, tiles(p.pixels, 1024));
  const int parts = tiles(p.pixels, p.part_size);
  Workspace::Scope scope(*e.workspace);
  p.parts = e.workspace->take<float>(int64_t{parts} * view.cs);
  const int64_t blocks = int64_t{parts} * p.column_tiles;
  if (vector) {
    launch_blocks("conv_sum_pixels", sum_pixels_kernel<4>, blocks, kThreads, sizeof(SumShared<4>),
                  e, p);
  } else {
    launch_blocks("conv_sum_pixels", sum_pixels_kernel<1>, blocks, kThreads, sizeof(SumShared<1>),
                  e, p);
  }
  reduce_parts(e, p.parts, parts, view.cs, view.c, accumulate, gbias);
}

}  // namespace gsx::kernels::GSX_BACKEND::convolution
