// Statistics and convolutions of real values in double, in the CPU's order.
#include "kernels/cuda/conv_general.h"
#include "kernels/cuda/integer.h"
#include "kernels/cuda/pixel_groups.h"

namespace gsx::kernels::GSX_BACKEND::integers {

// sums[image, chunk, c] = the sum over the chunk's pixels of x, or of the squares of x - mean[c].
__global__ void __launch_bounds__(kMapThreads)
    chunk_sums_kernel(const View v, const int64_t chunks, const float* x, const double* mean,
                      double* sums) {
  const int64_t at = map_thread();
  if (at >= v.n * chunks * v.cs) return;
  const int c = static_cast<int>(at % v.cs);
  const int64_t chunk = at / v.cs % chunks, image = at / v.cs / chunks;
  const int64_t begin = chunk * kFixedChunk;
  const int64_t end = begin + kFixedChunk < v.plane() ? begin + kFixedChunk : v.plane();
  const double middle = mean ? mean[image * v.cs + c] : 0.0;
  double sum = 0;
  for (int64_t p = begin; p < end; ++p) {
    const auto value = static_cast<double>(x[image * v.image() + p * v.cs + c]);
    if (mean) {
      const double d = value - middle;
      sum = fma(d, d, sum);
    } else {
      sum += value;
    }
  }
  sums[at] = sum;
}

// out[image, c] = the binary tree over the chunks, divided by the pixels.
__global__ void __launch_bounds__(kMapThreads)
    chunk_tree_kernel(const View v, const int64_t chunks, double* sums, double* out) {
  const int64_t at = map_thread();
  if (at >= int64_t{v.n} * v.cs) return;
  double* own = sums + at / v.cs * chunks * v.cs + at % v.cs;
  for (int64_t step = 1; step < chunks; step *= 2)
    for (int64_t i = 0; i + step < chunks; i += 2 * step) own[i * v.cs] += own[(i + step) * v.cs];
  out[at] = own[0] / static_cast<double>(v.plane());
}

__global__ void __launch_bounds__(kMapThreads)
    real_line_kernel(const View v, const double* mean, const double* var, const NormParameters k,
                     const NormLine line) {
  const int64_t at = map_thread();
  if (at >= int64_t{v.n} * v.cs) return;
  const int c = static_cast<int>(at % v.cs);
  const bool counts = c < v.c;
  const auto middle = static_cast<float>(mean[at]);
  const double slope = (counts && k.gamma ? k.gamma[c] : 1.0) / std::sqrt(var[at] + double{k.eps});
  const double shift =
      (counts && k.beta ? k.beta[c] : 0.0) - slope * (mean[at] - static_cast<double>(middle));
  static_cast<float*>(line.middle)[at] = counts ? middle : 0.0f;
  line.slope[at] = counts ? static_cast<float>(slope) : 0.0f;
  line.shift[at] = counts ? static_cast<float>(shift) : 0.0f;
}

void norm_of_reals(Exec& e, const View& v, const float* x, const NormParameters& k,
                   const NormLine& line) {
  if (v.size() == 0) return;
  Workspace::Scope scope(*e.workspace);
  const int64_t chunks = (v.plane() + kFixedChunk - 1) / kFixedChunk, size = int64_t{v.n} * v.cs;
  double* sums = e.workspace->take<double>(size * chunks);
  double* mean = e.workspace->take<double>(size);
  double* var = e.workspace->take<double>(size);
  for (double* out : {mean, var}) {
    gpu::launch("chunk_sums", chunk_sums_kernel, {map_blocks(size * chunks)}, {kMapThreads}, 0,
                e.stream, v, chunks, x, static_cast<const double*>(out == mean ? nullptr : mean),
                sums);
    gpu::launch("chunk_tree", chunk_tree_kernel, {map_blocks(size)}, {kMapThreads}, 0, e.stream, v,
                chunks, sums, out);
  }
  gpu::launch("real_line", real_line_kernel, {map_blocks(size)}, {kMapThreads}, 0, e.stream, v,
              static_cast<const double*>(mean), static_cast<const double*>(var), k, line);
}

// One output each.
__global__ void __launch_bounds__(kMapThreads, 4)
    convolve_reals_kernel(const PixelGroups groups, const convolution::GeneralPass s,
                          const float* __restrict__ x, const float* __restrict__ w,
                          const float* __restrict__ bias, float* __restrict__ y) {
  const int thread = group_thread();
  if (thread >= groups.count) return;
  const PixelGroups::Place place = groups.at(thread);
  const int k = place.channel;
  float* to = y + place.pixel * s.out.cs + k;
  if (k >= s.out.c) {
    *to = 0;
    return;
  }
  double sum = bias ? static_cast<double>(bias[k]) : 0.0;
  const int first = k / s.outs * s.ins;
  for (int r = 0; r < s.f.r; ++r) {
    const int h = s.rows.source(place.y, r);
    for (int t = 0; t < s.f.s && h >= 0; ++t) {
      const int column = s.columns.source(place.x, t);
      if (column < 0) continue;
      const float* from = x + s.in.offset(place.n, h, column) + first;
      const float* weight = w + s.f.offset(r, t, 0) + k;
#pragma unroll 1
      for (int c = 0; c < s.ins; ++c, weight += s.f.ks) {
        sum += static_cast<double>(from[c]) * static_cast<double>(*weight);
      }
    }
  }
  *to = static_cast<float>(sum);
}

void convolve_reals(Exec& e, const ConvShape& s, const float* x, const float* w, const float* bias,
                    float* y) {
  const View out = s.y();
  if (out.size() == 0) return;
  const PixelGroups groups = PixelGroups::of(out, out.cs, 1);
  gpu::launch("convolve_reals", convolve_reals_kernel, {groups.blocks()}, {kMapThreads}, 0,
              e.stream, groups, convolution::GeneralPass::of(s, s.x, out, s.transposed, false), x,
              w, bias, y);
}

}  // namespace gsx::kernels::GSX_BACKEND::integers
