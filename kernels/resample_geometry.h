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
  return at < 0 ? -at : 2 * (extent - 1) - at;
}

// The padded positions that read source position i: itself and up to two mirror images.
struct PadReaders {
  int at[3] = {0, 0, 0};
  int count = 0;

  constexpr PadReaders(int i, int before, int extent, int padded, PadMode mode) {
    take(before + i, padded);
    if (mode == PadMode::zero) return;
    if (i > 0) take(before - i, padded);
    if (i < extent - 1) take(before + 2 * (extent - 1) - i, padded);
  }

 private:
  constexpr void take(int position, int padded) {
    if (position >= 0 && position < padded) at[count++] = position;
  }
};

}  // namespace gsx::kernels
