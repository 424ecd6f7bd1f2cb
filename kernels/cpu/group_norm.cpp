// Group norm's moments and gradients.
#include "kernels/group_norm.h"

#include "kernels/cpu/parallel.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/group_norm.cpp"
#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/simd.h"
// Highway comes after the choice of targets.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace gsx::kernels {
namespace HWY_NAMESPACE {
namespace {

void spread(Exec&, const GroupNormShape& s, float eps, Moments channels, Moments groups,
            float* inv) {
  for (int64_t at = 0; at < int64_t{s.n} * s.c; at += s.c) {
    for (int g = 0; g < s.groups; ++g) {
      scalar::spread_group(GroupNumbers::of(s, g), eps, {channels.mean + at, channels.var + at},
                           {groups.mean + at, groups.var + at}, inv + at);
    }
  }
}

void terms(Exec&, const GroupNormShape& s, const float* gamma, const float* sum_g,
           const float* sum_gx, const GroupNormTerms& t) {
  for (int64_t at = 0; at < int64_t{s.n} * s.c; at += s.c) {
    for (int g = 0; g < s.groups; ++g) {
      scalar::group_terms(GroupNumbers::of(s, g), s.plane, gamma, sum_g + at, sum_gx + at,
                          t.inv + at, t.gy + at, t.x + at, t.one + at);
    }
  }
}

void backward_input(Exec& e, const View& v, const float* x, const float* gy,
                    const GroupNormTerms& t, float* gx) {
  e.pool->for_ranges(v.pixels(), pixel_grain(v.cs), [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) {
      const int64_t of = p / v.plane() * v.c, at = p * v.cs;
      for (int c = 0; c < v.c; ++c) {
        const float moved = std::fma(x[at + c] - t.mean[of + c], t.x[of + c], t.one[of + c]);
        gx[at + c] = std::fma(gy[at + c], t.gy[of + c], moved);
      }
      for (int c = v.c; c < v.cs; ++c) gx[at + c] = 0;
    }
  });
}

const GroupNormKernels& table() {
  static constexpr GroupNormKernels kTable = {spread, terms, backward_input};
  return kTable;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace gsx::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gsx::kernels {
namespace {
HWY_EXPORT(table);
const GroupNormKernels& best() { return GSX_DISPATCH(table)(); }
template <auto entry>
constexpr auto kBest = Dispatch<entry, best>::call;
}  // namespace

const GroupNormKernels cpu_group_norm = {kBest<&GroupNormKernels::spread>,
                                         kBest<&GroupNormKernels::terms>,
                                         kBest<&GroupNormKernels::backward_input>};

}  // namespace gsx::kernels
#endif
