// Which inputs a pooling window covers, and which windows cover an input: along one axis, for
// every backend.
#pragma once
#include "kernels/pool.h"

namespace gsx::kernels {

struct Range {
  int begin, end;
};

// The window's places that lie inside the image: offsets r with 0 <= start + r < extent.
constexpr Range window_inside(int start, int size, int extent) {
  return {start < 0 ? -start : 0, extent - start < size ? extent - start : size};
}

// The outputs whose windows cover input position i.
constexpr Range windows_over(int i, int size, int stride, int pad, int outputs) {
  const int first = i + pad - size + 1, end = (i + pad) / stride + 1;
  return {first > 0 ? (first + stride - 1) / stride : 0, end < outputs ? end : outputs};
}

// How many elements along an axis the mean of output i is taken over.
constexpr int average_extent(const PoolShape& s, int i, int extent) {
  const int start = i * s.stride - s.pad, end = start + s.size;
  if (s.count_include_pad) return (end < extent + s.pad ? end : extent + s.pad) - start;
  const Range r = window_inside(start, s.size, extent);
  return r.end - r.begin;
}

// What every element of the mean of output (p, q) is multiplied with.
constexpr float average_weight(const PoolShape& s, int p, int q) {
  return 1.0f / static_cast<float>(average_extent(s, p, s.x.h) * average_extent(s, q, s.x.w));
}

}  // namespace gsx::kernels
