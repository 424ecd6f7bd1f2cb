// The shapes, data and loops in double that the tests of the CPU's convolutions share.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "kernels/conv.h"
#include "tests/catch.h"

namespace conv_cases {

using namespace gsx::kernels;
using Doubles = std::vector<double>;

struct Case {
  int n, c, h, w, k, r, s;
  PerAxis stride;
  int top, bottom, left, right;
  PadMode mode = PadMode::zero;
  bool transposed = false;
  PerAxis dilation = 1;
  int groups = 1;

  ConvShape shape() const {
    return {View::of(n, h, w, c),
            FilterView::of(k, c / groups, r, s),
            stride,
            top,
            bottom,
            left,
            right,
            mode,
            transposed,
            dilation,
            groups};
  }
  std::string name() const;
};

constexpr PadMode kReflect = PadMode::reflect, kZero = PadMode::zero,
                  kReplicate = PadMode::replicate;

std::vector<Case> cases();          // plain shapes, awkward ones among them
std::vector<Case> general_cases();  // what is not plain (ConvShape::plain)
std::vector<Case> large_cases();    // that the fast paths split over several tasks

Doubles random_values(size_t size, uint32_t seed);

// NCHW doubles <-> NHWC storage.
template <class T = float>
std::vector<T> store(const Doubles& nchw, const View& v) {
  std::vector<T> out(static_cast<size_t>(v.size()), T{0});
  size_t from = 0;
  for (int i = 0; i < v.n; ++i)
    for (int k = 0; k < v.c; ++k)
      for (int y = 0; y < v.h; ++y)
        for (int x = 0; x < v.w; ++x) {
          out[static_cast<size_t>(v.offset(i, y, x) + k)] = static_cast<T>(nchw[from++]);
        }
  return out;
}

template <class T>
Doubles load(const std::vector<T>& nhwc, const View& v) {
  Doubles out;
  for (int i = 0; i < v.n; ++i)
    for (int k = 0; k < v.c; ++k)
      for (int y = 0; y < v.h; ++y)
        for (int x = 0; x < v.w; ++x) {
          out.push_back(static_cast<double>(nhwc[static_cast<size_t>(v.offset(i, y, x) + k)]));
        }
  return out;
}

// Filters as doubles in R S C K order.
template <class T = float>
std::vector<T> store(const Doubles& rsck, const FilterView& f) {
  std::vector<T> out(static_cast<size_t>(f.size()), T{0});
  for (size_t row = 0; row < rsck.size() / static_cast<size_t>(f.k); ++row) {
    for (int k = 0; k < f.k; ++k) {
      out[row * static_cast<size_t>(f.ks) + static_cast<size_t>(k)] =
          static_cast<T>(rsck[row * static_cast<size_t>(f.k) + static_cast<size_t>(k)]);
    }
  }
  return out;
}

Doubles load(const std::vector<float>& w, const FilterView& f);

template <class T>
bool zero_lanes(const std::vector<T>& data, int c, int cs) {
  for (size_t i = 0; i < data.size(); ++i) {
    if (static_cast<int>(i % static_cast<size_t>(cs)) >= c && data[i] != T{0}) return false;
  }
  return true;
}

// Where a position of the padded axis lies in the image of n; outside where the border is zero.
inline int shown(int i, int n, PadMode mode) {
  if (mode == kZero) return i;
  if (mode == kReplicate) return std::clamp(i, 0, n - 1);
  return i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i;
}

// Visits every product of the convolution: f(index into x, index into y, index into w), all three
// over dense NCHW / NCHW / RSCK arrays.
template <class F>
void each_product(const Case& t, F&& f) {
  const View y = t.shape().y();
  const auto at = [](int n, int c, int h, int w, int cc, int hh, int ww) {
    return static_cast<size_t>(((n * cc + c) * hh + h) * ww + w);
  };
  for (int n = 0; n < t.n; ++n)
    for (int k = 0; k < t.k; ++k)
      for (int own = 0; own < t.c / t.groups; ++own)
        for (int r = 0; r < t.r; ++r)
          for (int s = 0; s < t.s; ++s) {
            const int c = k / (t.k / t.groups) * (t.c / t.groups) + own;
            const size_t wi =
                static_cast<size_t>(((r * t.s + s) * (t.c / t.groups) + own) * t.k + k);
            if (t.transposed) {
              for (int h = 0; h < t.h; ++h)
                for (int v = 0; v < t.w; ++v) {
                  const int p = h * t.stride.y - t.top + r * t.dilation.y;
                  const int q = v * t.stride.x - t.left + s * t.dilation.x;
                  if (p < 0 || p >= y.h || q < 0 || q >= y.w) continue;
                  f(at(n, c, h, v, t.c, t.h, t.w), at(n, k, p, q, t.k, y.h, y.w), wi);
                }
            } else {
              for (int p = 0; p < y.h; ++p)
                for (int q = 0; q < y.w; ++q) {
                  const int h = shown(p * t.stride.y - t.top + r * t.dilation.y, t.h, t.mode);
                  const int v = shown(q * t.stride.x - t.left + s * t.dilation.x, t.w, t.mode);
                  if (h < 0 || h >= t.h || v < 0 || v >= t.w) continue;
                  f(at(n, c, h, v, t.c, t.h, t.w), at(n, k, p, q, t.k, y.h, y.w), wi);
                }
            }
          }
}

double largest(const Doubles& a);

// max|a - b| / max|b|
double distance(const Doubles& a, const Doubles& b);

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

struct Data {
  explicit Data(const Case& t)
      : shape(t.shape()),
        x(random_values(static_cast<size_t>(t.n * t.c * t.h * t.w), 1)),
        w(random_values(static_cast<size_t>(t.r * t.s * t.c / t.groups * t.k), 2)),
        bias(random_values(static_cast<size_t>(t.k), 3)),
        gy(random_values(static_cast<size_t>(t.n * t.k * shape.y().plane()), 4)) {}
  ConvShape shape;
  Doubles x, w, bias, gy;
};

struct Outputs {
  std::vector<float> y, mean, var, y_without_bias, gx, gw, gbias;
};

std::vector<float> poisoned(int64_t size);

// Every pass over the data.
Outputs run_all(const Data& d, int threads, ConvAlgo algo, int isa = 0);

}  // namespace conv_cases
