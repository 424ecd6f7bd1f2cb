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
// repeated edge pixel all that lies beyond it.
struct PadReaders {
  int count = 0;

  constexpr PadReaders(int i, int before, int extent, int padded, PadMode mode) {
    if (mode == PadMode::replicate) {
      const int first = i == 0 ? 0 : before + i, last = i == extent - 1 ? padded - 1 : before + i;
      at_[0] = first;
      step_ = 1;
      count = last - first + 1;
      return;
    }
    take(before + i, padded);
    if (mode == PadMode::zero) return;
    if (i > 0) take(before - i, padded);
    if (i < extent - 1) take(before + 2 * (extent - 1) - i, padded);
  }
  constexpr int operator[](int which) const { return step_ > 0 ? at_[0] + which : at_[which]; }

 private:
  constexpr void take(int position, int padded) {
    if (position >= 0 && position < padded) at_[count++] = position;
  }
  int at_[3] = {0, 0, 0};
  int step_ = 0;  // 1 where positions follow each other
};

}  // namespace gsx::kernels
