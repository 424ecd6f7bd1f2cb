// Statistics and convolutions of real values in double, in one order whatever the machine.
#include <algorithm>

#include "kernels/cpu/conv_geometry.h"
#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/integer_steps.h"
#include "kernels/cpu/parallel.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/integer_reals.cpp"
#include "kernels/cpu/simd.h"
// Highway comes after the choice of targets.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace gsx::kernels {
namespace HWY_NAMESPACE {
namespace {

// sums[chunk, c] = the sum over the chunk's pixels of x, or of the squares of x - mean[c]; then the
// chunks of each channel are added up into the first.
void chunk_sums(Exec& e, const View& v, const float* x, const double* mean, double* sums) {
  const int64_t chunks = (v.plane() + kFixedChunk - 1) / kFixedChunk;
  e.pool->run(chunks, [&](int64_t chunk, int) {
    double* HWY_RESTRICT s = sums + chunk * v.cs;
    std::fill_n(s, v.cs, 0.0);
    const int64_t begin = chunk * kFixedChunk, end = std::min(begin + kFixedChunk, v.plane());
    for (int64_t p = begin; p < end; ++p) {
      const float* HWY_RESTRICT from = x + p * v.cs;
      if (mean == nullptr) {
        for (int c = 0; c < v.cs; ++c) s[c] += static_cast<double>(from[c]);
      } else {
        for (int c = 0; c < v.cs; ++c) {
          const double d = static_cast<double>(from[c]) - mean[c];
          s[c] = std::fma(d, d, s[c]);
        }
      }
    }
  });
  for (int c = 0; c < v.cs; ++c) tree_sum(sums + c, chunks, v.cs);
}

}  // namespace

void NormOfReals(Exec& e, const View& v, const float* x, const NormParameters& k,
                 const NormLine& line) {
  Workspace::Scope scope(*e.workspace);
  const int64_t chunks = (v.plane() + kFixedChunk - 1) / kFixedChunk;
  double* sums = e.workspace->take<double>(chunks * v.cs);
  double* mean = e.workspace->take<double>(v.cs);
  const auto count = static_cast<double>(v.plane());
  for (int64_t n = 0; n < v.n; ++n) {
    const float* image = x + n * v.image();
    chunk_sums(e, v, image, nullptr, sums);
    for (int c = 0; c < v.cs; ++c) mean[c] = sums[c] / count;
    chunk_sums(e, v, image, mean, sums);
    for (int c = 0; c < v.cs; ++c) {
      const int64_t at = n * v.cs + c;
      const bool counts = c < v.c;
      const auto middle = static_cast<float>(mean[c]);
      const double slope =
          (counts && k.gamma ? k.gamma[c] : 1.0) / std::sqrt(sums[c] / count + double{k.eps});
      const double shift =
          (counts && k.beta ? k.beta[c] : 0.0) - slope * (mean[c] - double{middle});
      static_cast<float*>(line.middle)[at] = counts ? middle : 0.0f;
      line.slope[at] = counts ? static_cast<float>(slope) : 0.0f;
      line.shift[at] = counts ? static_cast<float>(shift) : 0.0f;
    }
  }
}

namespace {

// The input pixel that tap t of output p reads along one axis, or -1.
int source_of(const ConvShape& s, int p, int t, int before, int stride, int dilation, int size) {
  if (!s.transposed) return padded_index(p * stride - before + t * dilation, size, s.pad_mode);
  const int from = p + before - t * dilation;
  return from >= 0 && from % stride == 0 && from / stride < size ? from / stride : -1;
}

constexpr int kOutputs = 64;  // of one pixel at a time

// Outputs [k0, k0 + count) of one group, whose inputs begin at channel `first`.
void pixel_outputs(const ConvShape& s, const float* image, int p, int q, int first, int k0,
                   int count, const float* w, const float* bias, float* y) {
  double sums[kOutputs];
  for (int k = 0; k < count; ++k)
    sums[k] = bias != nullptr ? static_cast<double>(bias[k0 + k]) : 0.0;
  for (int r = 0; r < s.w.r; ++r) {
    const int h = source_of(s, p, r, s.top, s.stride.y, s.dilation.y, s.x.h);
    for (int t = 0; t < s.w.s && h >= 0; ++t) {
      const int column = source_of(s, q, t, s.left, s.stride.x, s.dilation.x, s.x.w);
      if (column < 0) continue;
      const float* from = image + s.x.offset(0, h, column) + first;
      for (int c = 0; c < s.w.c; ++c) {
        const auto value = static_cast<double>(from[c]);
        const float* HWY_RESTRICT row = w + s.w.offset(r, t, c) + k0;
        for (int k = 0; k < count; ++k) sums[k] += value * static_cast<double>(row[k]);
      }
    }
  }
  for (int k = 0; k < count; ++k) y[k] = static_cast<float>(sums[k]);
}

}  // namespace

void ConvolveReals(Exec& e, const ConvShape& s, const float* x, const float* w, const float* bias,
                   float* y) {
  const View out = s.y();
  const int outs = out.c / s.groups;
  e.pool->run(int64_t{out.n} * out.h, [&](int64_t task, int) {
    const int n = static_cast<int>(task / out.h), p = static_cast<int>(task % out.h);
    for (int q = 0; q < out.w; ++q) {
      float* to = y + out.offset(n, p, q);
      std::fill(to + out.c, to + out.cs, 0.0f);
      for (int g = 0; g < s.groups; ++g) {
        for (int k = g * outs; k < (g + 1) * outs; k += kOutputs) {
          pixel_outputs(s, x + n * s.x.image(), p, q, g * s.w.c, k,
                        std::min(kOutputs, (g + 1) * outs - k), w, bias, to + k);
        }
      }
    }
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace gsx::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gsx::kernels {
HWY_EXPORT(NormOfReals);
HWY_EXPORT(ConvolveReals);
void norm_of_reals(Exec& e, const View& v, const float* x, const NormParameters& k,
                   const NormLine& line) {
  GSX_DISPATCH(NormOfReals)(e, v, x, k, line);
}
void convolve_reals(Exec& e, const ConvShape& s, const float* x, const float* w, const float* bias,
                    float* y) {
  GSX_DISPATCH(ConvolveReals)(e, s, x, w, bias, y);
}
}  // namespace gsx::kernels
#endif
