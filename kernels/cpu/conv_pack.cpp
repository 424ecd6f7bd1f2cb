// Weight panels and run lists.
#include "kernels/cpu/conv_pack.h"

#include <algorithm>

#include "kernels/cpu/conv_micro.h"

namespace gsx::kernels {
namespace {

// A merged run longer than this would keep the panel rows of one chunk out of the first-level
// cache.
constexpr int kLongestMerged = 256;

}  // namespace

Runs::Runs(const Correlation& c, const View& in) {
  merged = in.c == in.cs && c.x.taps * in.c <= kLongestMerged;
  count = merged ? c.y.taps : c.taps();
  length = merged ? c.x.taps * in.c : in.c;
}

void Runs::offsets(const Correlation& c, int width, int cs, int32_t* at) const {
  const int columns = merged ? 1 : c.x.taps;
  for (int a = 0; a < c.y.taps && count > 0; ++a) {
    for (int b = 0; b < columns; ++b) *at++ = (a * width + b) * cs;
  }
}

void pack_panel(const Correlation& c, const Weights<float>& w, int k, int width, float* panel) {
  const int valid = std::min(width, w.k - k);
  for (int a = 0; a < c.y.taps; ++a) {
    for (int b = 0; b < c.x.taps; ++b, panel += int64_t{w.c} * width) {
      const float* tap =
          w.tap(c.y.tap0 + a * c.y.tap_step, c.x.tap0 + b * c.x.tap_step) + k * w.k_stride;
      if (valid < width)
        std::memset(panel, 0, static_cast<size_t>(w.c) * static_cast<size_t>(width) * 4);
      if (w.k_stride == 1) {
        for (int i = 0; i < w.c; ++i) {
          for (int j = 0; j < valid; ++j) panel[i * width + j] = tap[i * w.c_stride + j];
        }
      } else {  // c_stride is 1
        for (int i0 = 0; i0 < w.c; i0 += 8) {
          const int i1 = std::min(i0 + 8, w.c);
          for (int j = 0; j < valid; ++j) {
            for (int i = i0; i < i1; ++i) panel[i * width + j] = tap[j * w.k_stride + i];
          }
        }
      }
    }
  }
}

void pack_dot(const Correlation& c, const Runs& runs, const Weights<float>& w, int k, float* out) {
  const int padded = dot_run(runs.length), row = runs.merged ? c.x.taps : 1;
  std::fill(out, out + int64_t{runs.count} * padded, 0.0f);
  for (int a = 0; a < c.y.taps; ++a) {
    for (int b = 0; b < c.x.taps; ++b) {
      const float* tap =
          w.tap(c.y.tap0 + a * c.y.tap_step, c.x.tap0 + b * c.x.tap_step) + k * w.k_stride;
      const int tap_index = a * c.x.taps + b;
      float* to = out + int64_t{tap_index / row} * padded + int64_t{tap_index % row} * w.c;
      for (int i = 0; i < w.c; ++i) to[i] = tap[i * w.c_stride];
    }
  }
}

}  // namespace gsx::kernels
