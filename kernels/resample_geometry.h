// Which pixels padding reads, and which padded pixels read a pixel: along one axis, for every
// backend.
#pragma once
#include "kernels/conv.h"

namespace gsx::kernels {

// The source position of padded position i, or -1 for a zero.
constexpr int pad_source(int i, int before, int extent, PadMode mode) {
  const int at = i - before;
  if (at >= 0 && at < extent) return at;
  if (mode == PadMode::zero) return -1;
  if (mode == PadMode::replicate) return at < 0 ? 0 : extent - 1;
  return at < 0 ? -at : 2 * (extent - 1) - at;
}

// The padded positions that read source position i: itself and up to two mirror images, or from a
// repeated edge pixel all that lies beyond it. They stand in members of their own, since a GPU
// keeps an array that a variable indexes in memory.
class PadReaders {
 public:
  constexpr PadReaders(int i, int before, int extent, int padded, PadMode mode)
      : first_(before + i), last_(before + i) {
    if (mode == PadMode::replicate) {
      if (i == 0) first_ = 0;
      if (i == extent - 1) last_ = padded - 1;
      return;
    }
    if (first_ < 0 || first_ >= padded) last_ = first_ - 1;
    if (mode == PadMode::zero) return;
    if (i > 0) before_ = inside(before - i, padded);
    if (i < extent - 1) beyond_ = inside(before + 2 * (extent - 1) - i, padded);
  }

  template <typename Visit>
  constexpr void each(const Visit& visit) const {
    for (int at = first_; at <= last_; ++at) visit(at);
    if (before_ >= 0) visit(before_);
    if (beyond_ >= 0) visit(beyond_);
  }

 private:
  static constexpr int inside(int position, int padded) {
    return position < padded ? position : -1;
  }

  int first_, last_;               // a run of positions, empty where last_ < first_
  int before_ = -1, beyond_ = -1;  // the mirror images' positions, or negative
};

}  // namespace gsx::kernels
