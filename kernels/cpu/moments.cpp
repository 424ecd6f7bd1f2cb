// Moments of parts of images, vectors along channels; merging them.
#include "kernels/cpu/moments.h"

#include <algorithm>

#include "kernels/cpu/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/moments.cpp"
#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/simd.h"
// Highway comes after the choice of targets.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace gsx::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Channels at a time. Three numbers of each must fit the registers.
constexpr int kAtOnce = HWY_TARGET == HWY_NEON ? 16 : 32;

// sum, squares = N channels' sums of d and of d^2, d = x - (the first pixel): no cancellation, for
// one pixel of 64 lies within 8 standard deviations of their mean.
template <int N>
void sum_pixels(const float* const* pixels, int count, int c, float* sum, float* squares) {
  const hn::CappedTag<float, N> d;
  constexpr int kLanes = hn::MaxLanes(d), kVectors = N / kLanes;
  hn::Vec<decltype(d)> first[kVectors], s1[kVectors], s2[kVectors];
  HWY_UNROLL(4)
  for (int j = 0; j < kVectors; ++j) {
    first[j] = hn::LoadU(d, pixels[0] + c + j * kLanes);
    s1[j] = s2[j] = hn::Zero(d);
  }
  for (int p = 1; p < count; ++p) {
    const float* at = pixels[p] + c;
    HWY_UNROLL(4)
    for (int j = 0; j < kVectors; ++j) {
      const auto delta = hn::Sub(hn::LoadU(d, at + j * kLanes), first[j]);
      s1[j] = hn::Add(s1[j], delta);
      s2[j] = hn::MulAdd(delta, delta, s2[j]);
    }
  }
  HWY_UNROLL(4)
  for (int j = 0; j < kVectors; ++j) {
    hn::StoreU(s1[j], d, sum + j * kLanes);
    hn::StoreU(s2[j], d, squares + j * kLanes);
  }
}

void AddPixels(const float* const* pixels, int count, const PartialMoments& to) {
  const double inv = 1.0 / count;
  const MergedPixels merged(to.count(), count);
  for_blocks<kAtOnce>(to.channels, [&]<int N>(int c) {
    float sum[N], squares[N];
    sum_pixels<N>(pixels, count, c, sum, squares);
    const float* HWY_RESTRICT first = pixels[0] + c;
    double *HWY_RESTRICT mean = to.mean() + c, *HWY_RESTRICT all = to.squares() + c;
    for (int i = 0; i < N; ++i) {
      const double s1 = sum[i], s2 = squares[i];
      merged.merge(first[i] + s1 * inv, s2 - s1 * s1 * inv, mean[i], all[i]);
    }
  });
  to.count() += count;
}

}  // namespace HWY_NAMESPACE
}  // namespace gsx::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gsx::kernels {
HWY_EXPORT(AddPixels);

void add_pixels(const float* const* pixels, int count, const PartialMoments& to) {
  GSX_DISPATCH(AddPixels)(pixels, count, to);
}

MomentParts::MomentParts(Workspace& space, int64_t count, int channels)
    : values_(space.take<double>(count * PartialMoments::size(channels))), channels_(channels) {
  std::fill_n(values_, count * PartialMoments::size(channels), 0.0);
}

void ImageMoments::add(int image, int k, const PartialMoments& part) const {
  if (part.count() == 0) return;  // a corner that no phase of the output reaches
  const PartialMoments all = images_[image];
  const MergedPixels merged(all.count(), part.count());
  for (int c = 0; c < part.channels; ++c)
    merged.merge(part.mean()[c], part.squares()[c], all.mean()[k + c], all.squares()[k + c]);
  if (k + part.channels == all.channels) all.count() += part.count();
}

void ImageMoments::write(Moments out) const {
  for (int n = 0; n < view_.n; ++n) {
    const PartialMoments all = images_[n];
    for (int c = 0; c < view_.c; ++c) {
      out.mean[int64_t{n} * view_.c + c] = static_cast<float>(all.mean()[c]);
      out.var[int64_t{n} * view_.c + c] = static_cast<float>(all.squares()[c] / all.count());
    }
  }
}

}  // namespace gsx::kernels
#endif
