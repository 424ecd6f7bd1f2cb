// Padding, upsampling, concatenation and layout changes. Each thread owns a group of channels of an
// output pixel (see pixel_groups.h) and gathers what it needs, so that all stores are coalesced and
// sums have a fixed order.
#include "kernels/resample.h"

#include "kernels/cuda/pixel_groups.h"
#include "kernels/cuda/tables.h"
#include "kernels/resample_geometry.h"

namespace gsx::kernels::GSX_BACKEND {

namespace resampling {

struct Arrays {
  const float* from;
  float* to;
};

// y[i, j] = x[source]. Writes 4 bytes per element of y and reads as many of x.
template <int kWidth>
__global__ void __launch_bounds__(kMapThreads)
    pad_kernel(const PixelGroups groups, const PadShape s, const Arrays p) {
  const int thread = group_thread();
  if (thread >= groups.count) return;
  const PixelGroups::Place at = groups.at(thread);
  const int h = pad_source(at.y, s.top, s.x.h, s.mode);
  const int w = pad_source(at.x, s.left, s.x.w, s.mode);
  Lanes<kWidth> v;
  if (h >= 0 && w >= 0) v = Lanes<kWidth>::load(p.from + s.x.offset(at.n, h, w) + at.channel);
  v.store(p.to + at.pixel * s.y.cs + at.channel);
}

// gx = the sum of gy over the pixels that read x: one, up to nine on a mirrored border, more where
// the edge is repeated.
template <int kWidth>
__global__ void __launch_bounds__(kMapThreads)
    pad_backward_kernel(const PixelGroups groups, const PadShape s, const Arrays p) {
  const int thread = group_thread();
  if (thread >= groups.count) return;
  const PixelGroups::Place at = groups.at(thread);
  const PadReaders rows(at.y, s.top, s.x.h, s.y.h, s.mode);
  const PadReaders columns(at.x, s.left, s.x.w, s.y.w, s.mode);
  Lanes<kWidth> sum;
  rows.each([&](int row) {
    columns.each([&](int column) {
      sum.add(Lanes<kWidth>::load(p.from + s.y.offset(at.n, row, column) + at.channel));
    });
  });
  sum.store(p.to + at.pixel * s.x.cs + at.channel);
}

// y[i, j] = x[i / factor, j / factor]; reads of one pixel by its copies meet in the cache.
template <int kWidth>
__global__ void __launch_bounds__(kMapThreads)
    upsample_kernel(const PixelGroups groups, const View x, const FastDivide by_factor,
                    const Arrays p) {
  const int thread = group_thread();
  if (thread >= groups.count) return;
  const PixelGroups::Place at = groups.at(thread);
  const int64_t from = x.offset(at.n, by_factor(at.y), by_factor(at.x)) + at.channel;
  Lanes<kWidth>::load(p.from + from).store(p.to + at.pixel * x.cs + at.channel);
}

// gx = the sum over factor x factor pixels of gy, row by row.
template <int kWidth>
__global__ void __launch_bounds__(kMapThreads)
    upsample_backward_kernel(const PixelGroups groups, const View y, const int factor,
                             const Arrays p) {
  const int thread = group_thread();
  if (thread >= groups.count) return;
  const PixelGroups::Place at = groups.at(thread);
  const float* from = p.from + y.offset(at.n, at.y * factor, at.x * factor) + at.channel;
  Lanes<kWidth> sum;
  for (int a = 0; a < factor; ++a) {
    for (int b = 0; b < factor; ++b) {
      sum.add(Lanes<kWidth>::load(from + (int64_t{a} * y.w + b) * y.cs));
    }
  }
  sum.store(p.to + at.pixel * y.cs + at.channel);
}

// Copies x.c channels per pixel from lane 0 on of x to lane `at` on of y.
template <int kWidth>
__global__ void __launch_bounds__(kMapThreads)
    insert_kernel(const PixelGroups groups, const int x_cs, const int y_cs, const Arrays p) {
  const int thread = group_thread();
  if (thread >= groups.count) return;
  const PixelGroups::Place at = groups.at(thread);
  Lanes<kWidth>::load(p.from + at.pixel * x_cs + at.channel)
      .store(p.to + at.pixel * y_cs + at.channel);
}

// The other way, all lanes of x: those from c on are zero.
template <int kWidth>
__global__ void __launch_bounds__(kMapThreads)
    extract_kernel(const PixelGroups groups, const int c, const int x_cs, const int y_cs,
                   const Arrays p) {
  const int thread = group_thread();
  if (thread >= groups.count) return;
  const PixelGroups::Place at = groups.at(thread);
  Lanes<kWidth> v;
  if (at.channel < c) v = Lanes<kWidth>::load(p.from + at.pixel * y_cs + at.channel);
#pragma unroll
  for (int i = 0; i < kWidth; ++i) v.value[i] = at.channel + i < c ? v.value[i] : 0.0f;
  v.store(p.to + at.pixel * x_cs + at.channel);
}

constexpr int kTile = 32, kTileRows = 8;

// The column too many keeps the reads along columns out of each other's banks.
struct TileShared {
  float value[kTile][kTile + 1];
};

// A tile of 32 pixels x 32 channels of image blockIdx.z, turned around in shared memory: both sides
// move 128 bytes in a row per warp. Hazard: the tile is read across rows, after the barrier.
__global__ void __launch_bounds__(kTile* kTileRows) to_dense_kernel(const View v, const Arrays p) {
  auto& shared = gpu::dynamic_shared<TileShared>();
  const int column = static_cast<int>(threadIdx.x), row = static_cast<int>(threadIdx.y);
  const int64_t pixel0 = int64_t{blockIdx.x} * kTile, n = blockIdx.z;
  const int c0 = static_cast<int>(blockIdx.y) * kTile;
#pragma unroll
  for (int step = 0; step < kTile; step += kTileRows) {
    const int i = row + step;
    if (pixel0 + i < v.plane() && c0 + column < v.c) {
      shared.value[i][column] = p.from[n * v.image() + (pixel0 + i) * v.cs + c0 + column];
    }
  }
  __syncthreads();
#pragma unroll
  for (int step = 0; step < kTile; step += kTileRows) {
    const int i = row + step;
    if (pixel0 + column < v.plane() && c0 + i < v.c) {
      p.to[(n * v.c + c0 + i) * v.plane() + pixel0 + column] = shared.value[column][i];
    }
  }
}

// The way back; padding lanes become zero.
__global__ void __launch_bounds__(kTile* kTileRows)
    from_dense_kernel(const View v, const Arrays p) {
  auto& shared = gpu::dynamic_shared<TileShared>();
  const int column = static_cast<int>(threadIdx.x), row = static_cast<int>(threadIdx.y);
  const int64_t pixel0 = int64_t{blockIdx.x} * kTile, n = blockIdx.z;
  const int c0 = static_cast<int>(blockIdx.y) * kTile;
#pragma unroll
  for (int step = 0; step < kTile; step += kTileRows) {
    const int i = row + step;
    const bool inside = pixel0 + column < v.plane() && c0 + i < v.c;
    shared.value[i][column] =
        inside ? p.from[(n * v.c + c0 + i) * v.plane() + pixel0 + column] : 0.0f;
  }
  __syncthreads();
#pragma unroll
  for (int step = 0; step < kTile; step += kTileRows) {
    const int i = row + step;
    if (pixel0 + i < v.plane() && c0 + column < v.cs) {
      p.to[n * v.image() + (pixel0 + i) * v.cs + c0 + column] = shared.value[column][i];
    }
  }
}

// Up to four channels, which neither padding nor tiles help: a thread moves a pixel. Each plane is
// moved in whole rows of threads, the image's few floats per pixel meet in the cache.
template <bool kToDense>
__global__ void __launch_bounds__(kMapThreads)
    few_channels_kernel(const PixelGroups pixels, const View v, const Arrays p) {
  const int thread = group_thread();
  if (thread >= pixels.count) return;
  const PixelGroups::Place at = pixels.at(thread);
  const int64_t image = at.pixel * v.cs;
  const int64_t dense = at.n * v.plane() * v.c + int64_t{at.y} * v.w + at.x;
  for (int c = 0; c < v.c; ++c) {
    const int64_t in_image = image + c, in_dense = dense + c * v.plane();
    p.to[kToDense ? in_dense : in_image] = p.from[kToDense ? in_image : in_dense];
  }
}

}  // namespace resampling

namespace {

using namespace resampling;

bool wide_groups(const View& v, const Arrays& p) {
  return v.cs % 4 == 0 && aligned16(p.from) && aligned16(p.to);
}

void pad(Exec& e, const PadShape& s, const float* x, float* y) {
  const Arrays p = {x, y};
  launch_groups("pad", e, s.y, s.y.cs, wide_groups(s.y, p), pad_kernel<4>, pad_kernel<1>, s, p);
}

void pad_backward(Exec& e, const PadShape& s, const float* gy, float* gx) {
  const Arrays p = {gy, gx};
  launch_groups("pad_backward", e, s.x, s.x.cs, wide_groups(s.x, p), pad_backward_kernel<4>,
                pad_backward_kernel<1>, s, p);
}

void upsample(Exec& e, const View& v, int factor, const float* x, float* y) {
  const Arrays p = {x, y};
  const View out = {v.n, v.h * factor, v.w * factor, v.c, v.cs};
  launch_groups("upsample", e, out, out.cs, wide_groups(out, p), upsample_kernel<4>,
                upsample_kernel<1>, v, FastDivide::by(factor), p);
}

void upsample_backward(Exec& e, const View& v, int factor, const float* gy, float* gx) {
  const Arrays p = {gy, gx};
  const View out = View::of(v.n, v.h * factor, v.w * factor, v.c);
  launch_groups("upsample_backward", e, v, v.cs, wide_groups(v, p), upsample_backward_kernel<4>,
                upsample_backward_kernel<1>, out, factor, p);
}

void insert_channels(Exec& e, const View& xv, const float* x, const View& yv, int at, float* y) {
  const Arrays p = {x, y + at};
  const bool wide = wide_groups(xv, p) && yv.cs % 4 == 0 && xv.c % 4 == 0;
  launch_groups("insert_channels", e, xv, xv.c, wide, insert_kernel<4>, insert_kernel<1>, xv.cs,
                yv.cs, p);
}

void extract_channels(Exec& e, const View& yv, const float* y, int at, const View& xv, float* x) {
  const Arrays p = {y + at, x};
  const bool wide = wide_groups(xv, p) && yv.cs % 4 == 0;
  launch_groups("extract_channels", e, xv, xv.cs, wide, extract_kernel<4>, extract_kernel<1>, xv.c,
                xv.cs, yv.cs, p);
}

gpu::Grid tile_grid(const View& v, int lanes) {
  return {(v.plane() + kTile - 1) / kTile, (lanes + kTile - 1) / kTile, v.n};
}

void to_dense(Exec& e, const View& v, const float* image, float* dense) {
  const Arrays p = {image, dense};
  if (v.c == v.cs && v.c <= 4) {
    launch_groups("to_dense", e, v, 1, false, few_channels_kernel<true>, few_channels_kernel<true>,
                  v, p);
  } else if (v.size() > 0) {
    gpu::launch("to_dense", to_dense_kernel, tile_grid(v, v.c), {kTile, kTileRows},
                sizeof(TileShared), e.stream, v, p);
  }
}

void from_dense(Exec& e, const View& v, const float* dense, float* image) {
  const Arrays p = {dense, image};
  if (v.c == v.cs && v.c <= 4) {
    launch_groups("from_dense", e, v, 1, false, few_channels_kernel<false>,
                  few_channels_kernel<false>, v, p);
  } else if (v.size() > 0) {
    gpu::launch("from_dense", from_dense_kernel, tile_grid(v, v.cs), {kTile, kTileRows},
                sizeof(TileShared), e.stream, v, p);
  }
}

}  // namespace

const ResampleKernels resample = {
    pad,      pad_backward, upsample, upsample_backward, insert_channels, extract_channels,
    to_dense, from_dense};

}  // namespace gsx::kernels::GSX_BACKEND
