// Which pixels a resized axis reads and which results read a pixel, for every backend.
#pragma once
#include <cmath>

#include "kernels/resize.h"

namespace gsx::kernels {

struct ResizeAxis {
  int in, out;
  double scale;
};

// Result = x[lo] + part * (x[hi] - x[lo]), which is x[lo] exactly where both are equal.
struct ResizeTaps {
  int lo, hi;
  float part;

  // What pixel `at` counts for the result.
  GSX_HD float weight(int at) const {
    return (at == lo ? 1.0f - part : 0.0f) + (at == hi ? part : 0.0f);
  }
};

GSX_HD inline double resize_source(int i, const ResizeAxis& a, ResizeCoordinates c) {
  if (c == ResizeCoordinates::asymmetric) return i / a.scale;
  if (c == ResizeCoordinates::half_pixel) return (i + 0.5) / a.scale - 0.5;
  if (a.out == 1) return 0;
  if (c == ResizeCoordinates::pytorch_half_pixel) return (i + 0.5) / a.scale - 0.5;
  return static_cast<double>(i) * (a.in - 1) / (a.out - 1);
}

// About where the result lies whose source is `at`.
GSX_HD inline double resize_target(double at, const ResizeAxis& a, ResizeCoordinates c) {
  if (c == ResizeCoordinates::asymmetric) return at * a.scale;
  if (c != ResizeCoordinates::align_corners) return (at + 0.5) * a.scale - 0.5;
  return a.in == 1 ? 0 : at * (a.out - 1) / (a.in - 1);
}

GSX_HD inline double resize_round(double v, ResizeRounding r) {
  if (r == ResizeRounding::round_prefer_floor) return std::ceil(v - 0.5);
  if (r == ResizeRounding::round_prefer_ceil) return std::floor(v + 0.5);
  return r == ResizeRounding::floor ? std::floor(v) : std::ceil(v);
}

GSX_HD inline ResizeTaps resize_taps(int i, const ResizeAxis& a, const ResizeRule& rule) {
  const double last = a.in - 1;
  double source = resize_source(i, a, rule.coordinates);
  if (rule.mode == ResizeMode::nearest) source = resize_round(source, rule.rounding);
  source = source < 0 ? 0 : (source > last ? last : source);
  const int lo = static_cast<int>(source);
  return {lo, lo + 1 < a.in ? lo + 1 : lo, static_cast<float>(source - lo)};
}

// The results among which are all that read pixel `at`.
struct ResizeReaders {
  int begin, end;

  GSX_HD static ResizeReaders of(int at, const ResizeAxis& a, const ResizeRule& rule) {
    const int first = static_cast<int>(resize_target(at - 1, a, rule.coordinates)) - 2;
    const int last = static_cast<int>(resize_target(at + 1, a, rule.coordinates)) + 3;
    return {at == 0 || first < 0 ? 0 : (first < a.out ? first : a.out),
            at == a.in - 1 || last > a.out ? a.out : last};
  }
};

}  // namespace gsx::kernels
