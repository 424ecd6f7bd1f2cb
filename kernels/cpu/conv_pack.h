// Rearranging images and filters for the micro-kernels: padded slabs, weight panels.
#pragma once
#include <algorithm>
#include <cstring>
#include <type_traits>

#include "kernels/cpu/conv_geometry.h"
#include "kernels/cpu/conv_micro.h"

namespace gsx::kernels {

// A rectangle of an image's padded plane: rows [y, y + h), columns [x, x + w) in input coordinates.
struct Window {
  int y = 0, x = 0, h = 0, w = 0;

  bool inside(const View& v) const { return y >= 0 && x >= 0 && y + h <= v.h && x + w <= v.w; }
};

// Elements of a slab; kSlabSlack zeros follow it, because vectors read past the last pixel.
constexpr int kSlabSlack = 64;
inline int64_t slab_size(const Window& a, int cs) { return int64_t{a.h} * a.w * cs + kSlabSlack; }

// Copies n elements, counted from `origin` where types differ; To holds every value that occurs.
template <class From, class To>
void copy_elements(const From* from, int64_t n, From origin, To* to) {
  if constexpr (std::is_same_v<From, To>) {
    std::memcpy(to, from, static_cast<size_t>(n) * sizeof(To));
  } else {
    for (int64_t i = 0; i < n; ++i) to[i] = static_cast<To>(from[i] - origin);
  }
}

// Copies the window of one image, border made explicit, to slab [h][w][cs]; its elements are
// counted from `origin`, which is 0 where types agree.
template <class From, class To>
void copy_slab(const View& v, const From* image, const Window& a, PadMode mode, To* slab,
               From origin = 0) {
  const auto zero = static_cast<To>(From{0} - origin);
  const int64_t cs = v.cs, row = a.w * cs;
  for (int i = 0; i < a.h; ++i, slab += row) {
    const int y = padded_index(a.y + i, v.h, mode);
    if (y < 0) {
      std::fill_n(slab, row, zero);
      continue;
    }
    const From* from = image + v.offset(0, y, 0);
    const int first = a.x < 0 ? (-a.x < a.w ? -a.x : a.w) : 0;  // columns left of the image
    const int last =
        a.x + a.w > v.w ? (v.w > a.x ? v.w - a.x : 0) : a.w;  // first column right of it
    for (int j = 0; j < a.w; ++j) {
      if (j == first && last > first) {
        copy_elements(from + (a.x + j) * cs, (last - first) * cs, origin, slab + j * cs);
        j = last - 1;
        continue;
      }
      const int x = padded_index(a.x + j, v.w, mode);
      if (x < 0) {
        std::fill_n(slab + j * cs, cs, zero);
      } else {
        copy_elements(from + x * cs, cs, origin, slab + j * cs);
      }
    }
  }
  std::memset(slab, 0, kSlabSlack * sizeof(To));
}

// How a correlation walks its input: runs of contiguous elements, one per tap, or one per filter
// row where neighbouring pixels have no padding lanes between them.
struct Runs {
  int count = 0, length = 0;  // length in contraction channels
  bool merged = false;

  Runs(const Correlation& c, const View& in);
  // Offset of each run in a slab `width` pixels wide.
  void offsets(const Correlation& c, int width, int cs, int32_t* at) const;
};

// Weight panel of outputs [k, k + width): [run][j / kGroup][output][j % kGroup], zero beyond w.k
// and in what fills runs up to a multiple of kGroup.
template <int kGroup, class T, class P>
void pack_panel(const Correlation& c, const Runs& runs, const Weights<T>& w, int k, int width,
                P* panel) {
  const int valid = width < w.k - k ? width : w.k - k, row = runs.merged ? c.x.taps : 1;
  const int64_t run_size = int64_t{round_up(runs.length, kGroup)} * width;
  if (valid < width || runs.length % kGroup != 0) {
    std::memset(panel, 0, static_cast<size_t>(runs.count * run_size) * sizeof(P));
  }
  for (int tap = 0; tap < c.taps(); ++tap) {
    const T* from =
        w.tap(c.y.tap0 + tap / c.x.taps * c.y.tap_step, c.x.tap0 + tap % c.x.taps * c.x.tap_step) +
        k * w.k_stride;
    P* to = panel + tap / row * run_size;
    const int j0 = tap % row * w.c;
    if (w.k_stride == 1) {
      for (int i = 0; i < w.c; ++i) {
        P* line = to + int64_t{(j0 + i) / kGroup} * kGroup * width + (j0 + i) % kGroup;
        for (int o = 0; o < valid; ++o) line[o * kGroup] = from[i * w.c_stride + o];
      }
    } else if constexpr (kGroup == 1 && std::is_same_v<T, float>) {  // c_stride is 1
      transpose(from, w.k_stride, valid, w.c, to + int64_t{j0} * width, width);
    } else {
      for (int i0 = 0; i0 < w.c; i0 += 8) {
        const int i1 = i0 + 8 < w.c ? i0 + 8 : w.c;
        for (int o = 0; o < valid; ++o) {
          for (int i = i0; i < i1; ++i) {
            to[int64_t{(j0 + i) / kGroup} * kGroup * width + o * kGroup + (j0 + i) % kGroup] =
                from[o * w.k_stride + i];
          }
        }
      }
    }
  }
}

// One output's weights [run][j], runs padded with zeros to a multiple of `align`.
template <class T, class P>
void pack_dot(const Correlation& c, const Runs& runs, const Weights<T>& w, int k, int align,
              P* out) {
  const int padded = round_up(runs.length, align), row = runs.merged ? c.x.taps : 1;
  std::memset(out, 0, static_cast<size_t>(runs.count) * static_cast<size_t>(padded) * sizeof(P));
  for (int tap = 0; tap < c.taps(); ++tap) {
    const T* from =
        w.tap(c.y.tap0 + tap / c.x.taps * c.y.tap_step, c.x.tap0 + tap % c.x.taps * c.x.tap_step) +
        k * w.k_stride;
    P* to = out + int64_t{tap / row} * padded + int64_t{tap % row} * w.c;
    for (int i = 0; i < w.c; ++i) to[i] = from[i * w.c_stride];
  }
}

}  // namespace gsx::kernels
