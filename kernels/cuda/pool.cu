// Max, average and global pooling. Each thread owns a group of channels of an output pixel (see
// pixel_groups.h); sums have the CPU's order. A window's elements are read through the cache by the
// outputs that share them, so global memory sees each input about once.
#include "kernels/pool.h"

#include "kernels/cuda/channel_sums.h"
#include "kernels/cuda/pixel_groups.h"
#include "kernels/cuda/tables.h"
#include "kernels/pool_geometry.h"

namespace gsx::kernels::GSX_BACKEND {

namespace pooling {

// The part of an output's window that lies in the image.
struct Window {
  Range r, s;
  int64_t first;  // offset of the window's place (0, 0), maybe outside the image

  __device__ Window(const PoolShape& shape, const PixelGroups::Place& at) {
    const int h = at.y * shape.stride - shape.pad, w = at.x * shape.stride - shape.pad;
    r = window_inside(h, shape.size, shape.x.h);
    s = window_inside(w, shape.size, shape.x.w);
    first = shape.x.offset(at.n, h, w) + at.channel;
  }
};

template <int kWidth>
__device__ __forceinline__ void store_places(uint8_t* which, const int (&place)[kWidth]) {
  if constexpr (kWidth == 4) {
    *reinterpret_cast<uint32_t*>(which) = static_cast<uint32_t>(
        (place[0] & 255) | (place[1] & 255) << 8 | (place[2] & 255) << 16 | (place[3] & 255) << 24);
  } else {
    *which = static_cast<uint8_t>(place[0]);
  }
}
template <int kWidth>
__device__ __forceinline__ void load_places(const uint8_t* which, int (&place)[kWidth]) {
  if constexpr (kWidth == 4) {
    const uint32_t all = *reinterpret_cast<const uint32_t*>(which);
#pragma unroll
    for (int i = 0; i < 4; ++i) place[i] = static_cast<int>((all >> (8 * i)) & 255);
  } else {
    place[0] = *which;
  }
}

// y = the largest element of the window, which = its place, the first of equals; a NaN wins and
// stays visible. Reads size^2 elements per output, writes 5 bytes.
template <int kWidth>
__global__ void __launch_bounds__(kMapThreads)
    max_kernel(const PixelGroups groups, const PoolShape s, const float* x, float* y,
               uint8_t* which) {
  const int thread = group_thread();
  if (thread >= groups.count) return;
  const PixelGroups::Place at = groups.at(thread);
  const Window window(s, at);
  const int64_t row = int64_t{s.x.w} * s.x.cs;
  const auto element = [&](int r, int t) {
    return Lanes<kWidth>::load(x + window.first + r * row + int64_t{t} * s.x.cs);
  };
  Lanes<kWidth> best = element(window.r.begin, window.s.begin);
  int place[kWidth];
#pragma unroll
  for (int i = 0; i < kWidth; ++i) place[i] = window.r.begin * s.size + window.s.begin;
  for (int r = window.r.begin; r < window.r.end; ++r) {
    for (int t = window.s.begin; t < window.s.end; ++t) {
      const Lanes<kWidth> in = element(r, t);
#pragma unroll
      for (int i = 0; i < kWidth; ++i) {
        const bool take = in.value[i] > best.value[i] || in.value[i] != in.value[i];
        best.value[i] = take ? in.value[i] : best.value[i];
        place[i] = take ? r * s.size + t : place[i];
      }
    }
  }
  const int64_t to = at.pixel * s.x.cs + at.channel;
  best.store(y + to);
  store_places<kWidth>(which + to, place);
}

// y = the mean of the window. Reads size^2 elements per output.
template <int kWidth>
__global__ void __launch_bounds__(kMapThreads)
    average_kernel(const PixelGroups groups, const PoolShape s, const float* x, float* y) {
  const int thread = group_thread();
  if (thread >= groups.count) return;
  const PixelGroups::Place at = groups.at(thread);
  const Window window(s, at);
  const int64_t row = int64_t{s.x.w} * s.x.cs;
  Lanes<kWidth> sum;
  for (int r = window.r.begin; r < window.r.end; ++r) {
    for (int t = window.s.begin; t < window.s.end; ++t) {
      sum.add(Lanes<kWidth>::load(x + window.first + r * row + int64_t{t} * s.x.cs));
    }
  }
  const float weight = average_weight(s, at.y, at.x);
#pragma unroll
  for (int i = 0; i < kWidth; ++i) sum.value[i] *= weight;
  sum.store(y + at.pixel * s.x.cs + at.channel);
}

// What windows pass back to an input pixel. row(s, i, p) and column(s, j, q): what the functions
// below want to know of the pixel's row i in windows p, and of its column j in windows q. `from` is
// the offset of an output.
struct MaxGradient {  // the place in the window, a row's first place and the place in the row
  const float* gy;
  const uint8_t* which;

  __device__ int row(const PoolShape& s, int i, int p) const {
    return (i + s.pad - p * s.stride) * s.size;
  }
  __device__ int column(const PoolShape& s, int j, int q) const { return j + s.pad - q * s.stride; }

  template <int kWidth>
  __device__ void add(int64_t from, int row, int column, Lanes<kWidth>& sum) const {
    const Lanes<kWidth> g = Lanes<kWidth>::load(gy + from);
    int winner[kWidth];
    load_places<kWidth>(which + from, winner);
#pragma unroll
    for (int i = 0; i < kWidth; ++i) {
      sum.value[i] += winner[i] == row + column ? g.value[i] : 0.0f;
    }
  }
};
struct AverageGradient {  // how many rows and columns the mean is taken over
  const float* gy;

  __device__ int row(const PoolShape& s, int, int p) const { return average_extent(s, p, s.x.h); }
  __device__ int column(const PoolShape& s, int, int q) const {
    return average_extent(s, q, s.x.w);
  }

  template <int kWidth>
  __device__ void add(int64_t from, int rows, int columns, Lanes<kWidth>& sum) const {
    const Lanes<kWidth> g = Lanes<kWidth>::load(gy + from);
    const float weight = 1.0f / static_cast<float>(rows * columns);
#pragma unroll
    for (int i = 0; i < kWidth; ++i) sum.value[i] = fmaf(weight, g.value[i], sum.value[i]);
  }
};

// gx = the sum of what the windows over an input pixel pass back: (size / stride)^2 of them, as a
// rule one or four. Moves about 4 bytes per element of gx and of gy (and one of `which`).
template <int kWidth, class F>
__global__ void __launch_bounds__(kMapThreads)
    gather_kernel(const PixelGroups groups, const PoolShape s, const View out, const F f,
                  float* gx) {
  const int thread = group_thread();
  if (thread >= groups.count) return;
  const PixelGroups::Place at = groups.at(thread);
  const Range rows = windows_over(at.y, s.size, s.stride, s.pad, out.h);
  const Range columns = windows_over(at.x, s.size, s.stride, s.pad, out.w);
  Lanes<kWidth> sum;
  for (int p = rows.begin; p < rows.end; ++p) {
    const int64_t from = out.offset(at.n, p, 0) + at.channel;
    const int row = f.row(s, at.y, p);
    for (int q = columns.begin; q < columns.end; ++q) {
      f.add(from + int64_t{q} * s.x.cs, row, f.column(s, at.x, q), sum);
    }
  }
  sum.store(gx + at.pixel * s.x.cs + at.channel);
}

struct PixelSums {
  const float* x;

  template <int kWidth>
  __device__ void operator()(int64_t at, int, Lanes<kWidth> (&sums)[1]) const {
    sums[0].add(Lanes<kWidth>::load(x + at));
  }
};
struct WriteMeans {
  float* y;
  int cs;
  double plane;
  __device__ void operator()(int image, int channel, const double (&sums)[1]) const {
    y[int64_t{image} * cs + channel] = static_cast<float>(sums[0] / plane);
  }
};

// gx[n, p, c] = weight * gy[n, c]: writes 4 bytes per element; gy stays in the cache.
template <int kWidth>
__global__ void __launch_bounds__(kMapThreads)
    spread_kernel(const PixelGroups groups, const int cs, const float weight, const float* gy,
                  float* gx) {
  const int thread = group_thread();
  if (thread >= groups.count) return;
  const PixelGroups::Place at = groups.at(thread);
  Lanes<kWidth> g = Lanes<kWidth>::load(gy + int64_t{at.n} * cs + at.channel);
#pragma unroll
  for (int i = 0; i < kWidth; ++i) g.value[i] *= weight;
  g.store(gx + at.pixel * cs + at.channel);
}

}  // namespace pooling

namespace {

using namespace pooling;

bool wide_groups(const View& v, const float* a, const float* b) {
  return v.cs % 4 == 0 && aligned16(a) && aligned16(b);
}

void max_forward(Exec& e, const PoolShape& s, const float* x, float* y, uint8_t* which) {
  const bool wide = wide_groups(s.x, x, y) && aligned16(which);
  launch_groups("max_pool", e, s.y(), s.x.cs, wide, max_kernel<4>, max_kernel<1>, s, x, y, which);
}

void max_backward(Exec& e, const PoolShape& s, const uint8_t* which, const float* gy, float* gx) {
  const bool wide = wide_groups(s.x, gy, gx) && aligned16(which);
  launch_groups("max_pool_backward", e, s.x, s.x.cs, wide, gather_kernel<4, MaxGradient>,
                gather_kernel<1, MaxGradient>, s, s.y(), MaxGradient{gy, which}, gx);
}

void avg_forward(Exec& e, const PoolShape& s, const float* x, float* y) {
  launch_groups("avg_pool", e, s.y(), s.x.cs, wide_groups(s.x, x, y), average_kernel<4>,
                average_kernel<1>, s, x, y);
}

void avg_backward(Exec& e, const PoolShape& s, const float* gy, float* gx) {
  launch_groups("avg_pool_backward", e, s.x, s.x.cs, wide_groups(s.x, gy, gx),
                gather_kernel<4, AverageGradient>, gather_kernel<1, AverageGradient>, s, s.y(),
                AverageGradient{gy}, gx);
}

// All cs lanes are summed up, so that padding lanes come out as zeros.
void global_forward(Exec& e, const View& v, const float* x, float* y) {
  sum_channels<1>("global_pool", e, v.n, v.plane(), v.cs, v.cs, v.cs % 4 == 0 && aligned16(x),
                  PixelSums{x}, WriteMeans{y, v.cs, static_cast<double>(v.plane())});
}

void global_backward(Exec& e, const View& v, const float* gy, float* gx) {
  const float weight = static_cast<float>(1.0 / static_cast<double>(v.plane()));
  launch_groups("global_pool_backward", e, v, v.cs, wide_groups(v, gy, gx), spread_kernel<4>,
                spread_kernel<1>, v.cs, weight, gy, gx);
}

}  // namespace

const PoolKernels pool = {max_forward,  max_backward,   avg_forward,
                          avg_backward, global_forward, global_backward};

}  // namespace gsx::kernels::GSX_BACKEND
