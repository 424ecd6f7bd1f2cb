// Group norm's moments and gradients: a thread for each group of an image, and a pass over pixels.
#include "kernels/group_norm.h"

#include "kernels/cuda/pixel_groups.h"
#include "kernels/cuda/tables.h"

namespace gsx::kernels::GSX_BACKEND {

namespace grouping {

// A few numbers per channel: what it costs is the launch.
__global__ void __launch_bounds__(kMapThreads)
    spread_kernel(const GroupNormShape s, const float eps, const Moments channels,
                  const Moments groups, float* inv) {
  const int64_t thread = map_thread();
  if (thread >= int64_t{s.n} * s.groups) return;
  const int64_t at = thread / s.groups * s.c;
  const GroupNumbers g = GroupNumbers::of(s, static_cast<int>(thread % s.groups));
  scalar::spread_group(g, eps, {channels.mean + at, channels.var + at},
                       {groups.mean + at, groups.var + at}, inv + at);
}

__global__ void __launch_bounds__(kMapThreads)
    terms_kernel(const GroupNormShape s, const float* gamma, const float* sum_g,
                 const float* sum_gx, const GroupNormTerms t) {
  const int64_t thread = map_thread();
  if (thread >= int64_t{s.n} * s.groups) return;
  const int64_t at = thread / s.groups * s.c;
  const GroupNumbers g = GroupNumbers::of(s, static_cast<int>(thread % s.groups));
  scalar::group_terms(g, s.plane, gamma, sum_g + at, sum_gx + at, t.inv + at, t.gy + at, t.x + at,
                      t.one + at);
}

// Moves 12 bytes per element; the numbers of channels stay in the cache.
template <int kWidth>
__global__ void __launch_bounds__(kMapThreads)
    backward_kernel(const PixelGroups groups, const View v, const float* x, const float* gy,
                    const GroupNormTerms t, float* gx) {
  const int thread = group_thread();
  if (thread >= groups.count) return;
  const PixelGroups::Place place = groups.at(thread);
  const int64_t at = place.pixel * v.cs + place.channel;
  const Lanes<kWidth> in = Lanes<kWidth>::load(x + at), g = Lanes<kWidth>::load(gy + at);
  Lanes<kWidth> out;
#pragma unroll
  for (int i = 0; i < kWidth; ++i) {
    const int c = place.channel + i;
    if (c >= v.c) continue;
    const int64_t of = int64_t{place.n} * v.c + c;
    const float moved = fmaf(in.value[i] - __ldg(t.mean + of), t.x[of], t.one[of]);
    out.value[i] = fmaf(g.value[i], t.gy[of], moved);
  }
  out.store(gx + at);
}

}  // namespace grouping

namespace {

void spread(Exec& e, const GroupNormShape& s, float eps, Moments channels, Moments groups,
            float* inv) {
  gpu::launch("group_spread", grouping::spread_kernel, {map_blocks(int64_t{s.n} * s.groups)},
              {kMapThreads}, 0, e.stream, s, eps, channels, groups, inv);
}

void terms(Exec& e, const GroupNormShape& s, const float* gamma, const float* sum_g,
           const float* sum_gx, const GroupNormTerms& t) {
  gpu::launch("group_terms", grouping::terms_kernel, {map_blocks(int64_t{s.n} * s.groups)},
              {kMapThreads}, 0, e.stream, s, gamma, sum_g, sum_gx, t);
}

void backward_input(Exec& e, const View& v, const float* x, const float* gy,
                    const GroupNormTerms& t, float* gx) {
  const bool wide = v.cs % 4 == 0 && aligned16(x) && aligned16(gy) && aligned16(gx);
  launch_groups("group_norm_backward", e, v, v.cs, wide, grouping::backward_kernel<4>,
                grouping::backward_kernel<1>, v, x, gy, t, gx);
}

}  // namespace

const GroupNormKernels group_norm = {spread, terms, backward_input};

}  // namespace gsx::kernels::GSX_BACKEND
