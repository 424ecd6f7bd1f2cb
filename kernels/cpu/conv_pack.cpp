// Run lists.
#include "kernels/cpu/conv_pack.h"

namespace gsx::kernels {
namespace {

// A merged run longer than this would keep the panel rows of one chunk out of the first-level
// cache.
constexpr int kLongestMerged = 256;

}  // namespace

Runs::Runs(const Correlation& c, const View& in) {
  merged = in.c == in.cs && c.x.in_tap == 1 && c.x.taps * in.c <= kLongestMerged;
  count = merged ? c.y.taps : c.taps();
  length = merged ? c.x.taps * in.c : in.c;
}

void Runs::offsets(const Correlation& c, int width, int cs, int32_t* at) const {
  const int columns = merged ? 1 : c.x.taps;
  for (int a = 0; a < c.y.taps && count > 0; ++a) {
    for (int b = 0; b < columns; ++b) *at++ = (a * c.y.in_tap * width + b * c.x.in_tap) * cs;
  }
}

}  // namespace gsx::kernels
