// Convolutions in plain loops with channels innermost.
#include "kernels/conv.h"

#include <algorithm>
#include <cstring>

#include "kernels/cpu/conv_direct.h"
#include "kernels/cpu/conv_geometry.h"
#include "kernels/cpu/conv_weight.h"

namespace gsx::kernels {
namespace {

// y[0, n) += a * x[0, n)
template <class Y, class X>
inline void axpy(int n, Y a, const X* x, Y* y) {
  for (int i = 0; i < n; ++i) y[i] += a * static_cast<Y>(x[i]);
}

// small[p, q, :] = bias + sum over taps of big[...] * w, w: [r][s][big.c][small.cs].
template <class Y, class X, class W>
void gather_row(const Geometry& g, const X* image, const W* w, int p, Y* out) {
  for (int r = 0; r < g.r; ++r) {
    const int h = padded_index(p * g.stride - g.top + r, g.big.h, g.pad_mode);
    if (h < 0) continue;
    for (int q = 0; q < g.small.w; ++q) {
      for (int s = 0; s < g.s; ++s) {
        const int v = padded_index(q * g.stride - g.left + s, g.big.w, g.pad_mode);
        if (v < 0) continue;
        const X* pixel = image + (int64_t{h} * g.big.w + v) * g.big.cs;
        const W* tap = w + (int64_t{r} * g.s + s) * g.big.c * g.small.cs;
        for (int c = 0; c < g.big.c; ++c) {
          axpy<Y>(g.small.cs, pixel[c], tap + int64_t{c} * g.small.cs,
                  out + int64_t{q} * g.small.cs);
        }
      }
    }
  }
}

// big[h, v, :] = bias + sum over taps of small[...] * w, w: [r][s][small.c][big.cs]; zero padding.
template <class Y, class X, class W>
void spread_row(const Geometry& g, const X* image, const W* w, int h, Y* out) {
  for (int r = 0; r < g.r; ++r) {
    const int p = h + g.top - r;
    if (p < 0 || p % g.stride != 0 || p / g.stride >= g.small.h) continue;
    for (int v = 0; v < g.big.w; ++v) {
      for (int s = 0; s < g.s; ++s) {
        const int q = v + g.left - s;
        if (q < 0 || q % g.stride != 0 || q / g.stride >= g.small.w) continue;
        const X* pixel = image + (int64_t{p / g.stride} * g.small.w + q / g.stride) * g.small.cs;
        const W* tap = w + (int64_t{r} * g.s + s) * g.small.c * g.big.cs;
        for (int c = 0; c < g.small.c; ++c) {
          axpy<Y>(g.big.cs, pixel[c], tap + int64_t{c} * g.big.cs, out + int64_t{v} * g.big.cs);
        }
      }
    }
  }
}

void forward(Exec& e, const ConvShape& shape, const float* x, const float* w, const float* bias,
             float* y) {
  const Geometry g = Geometry::of(shape);
  const auto parts = shape.transposed ? spread_correlations(g) : gather_correlations(g);
  correlate_direct(e, parts, shape.x, shape.y(), shape.pad_mode,
                   Weights<float>::forward(shape.w, w), x, bias, y);
}

// The image with its reflected border made explicit.
View padded_view(const ConvShape& shape) {
  return View::of(shape.x.n, shape.x.h + shape.top + shape.bottom,
                  shape.x.w + shape.left + shape.right, shape.x.c);
}

// gx = sum of the positions of the padded gradient that mirror each pixel, in ascending order.
void fold_reflected(Exec& e, const ConvShape& shape, const float* padded, float* gx) {
  const View x = shape.x, wide = padded_view(shape);
  e.pool->run(int64_t{x.n} * x.h, [&](int64_t task, int) {
    const int i = static_cast<int>(task / x.h), h = static_cast<int>(task % x.h);
    float* row = gx + x.offset(i, h, 0);
    std::fill(row, row + int64_t{x.w} * x.cs, 0.0f);
    for (int a = 0; a < wide.h; ++a) {
      if (padded_index(a - shape.top, x.h, PadMode::reflect) != h) continue;
      for (int b = 0; b < wide.w; ++b) {
        const int v = padded_index(b - shape.left, x.w, PadMode::reflect);
        axpy(x.cs, 1.0f, padded + wide.offset(i, a, b), row + int64_t{v} * x.cs);
      }
    }
  });
}

void backward_input(Exec& e, const ConvShape& shape, const float* gy, const float* w, float* gx) {
  const View y = shape.y();
  const auto wt = Weights<float>::backward(shape.w, w);
  Geometry g = Geometry::of(shape);
  if (shape.transposed) {
    correlate_direct(e, gather_correlations(g), y, shape.x, PadMode::zero, wt, gy, nullptr, gx);
  } else if (shape.pad_mode == PadMode::zero) {
    correlate_direct(e, spread_correlations(g), y, shape.x, PadMode::zero, wt, gy, nullptr, gx);
  } else {
    g.big = padded_view(shape);
    g.top = g.left = 0;
    Workspace::Scope scope(*e.workspace);
    float* padded = e.workspace->take<float>(g.big.size());
    correlate_direct(e, spread_correlations(g), y, g.big, PadMode::zero, wt, gy, nullptr, padded);
    fold_reflected(e, shape, padded, gx);
  }
}

void backward_weight(Exec& e, const ConvShape& shape, const float* x, const float* gy,
                     bool accumulate, float* gw) {
  weight_gradient_direct(e, shape, x, gy, accumulate, gw);
}

void backward_bias(Exec& e, const View& view, const float* gy, bool accumulate, float* gbias) {
  Workspace::Scope scope(*e.workspace);
  // Rows first, then images: a fixed order that keeps the chains of additions short.
  float* rows = e.workspace->take<float>(int64_t{view.n} * view.h * view.cs);
  e.pool->run(int64_t{view.n} * view.h, [&](int64_t task, int) {
    float* sum = rows + task * view.cs;
    std::fill(sum, sum + view.cs, 0.0f);
    const float* row = gy + task * view.w * view.cs;
    for (int q = 0; q < view.w; ++q) axpy(view.cs, 1.0f, row + int64_t{q} * view.cs, sum);
  });
  const int64_t image = int64_t{view.h} * view.cs;
  for (int i = 0; i < view.n; ++i) {
    float* sum = rows + i * image;
    for (int p = 1; p < view.h; ++p) axpy(view.cs, 1.0f, sum + int64_t{p} * view.cs, sum);
  }
  for (int step = 1; step < view.n; step *= 2) {
    for (int i = 0; i + step < view.n; i += 2 * step) {
      axpy(view.cs, 1.0f, rows + (i + step) * image, rows + i * image);
    }
  }
  for (int k = 0; k < view.c; ++k) gbias[k] = accumulate ? gbias[k] + rows[k] : rows[k];
}

void forward_codes(Exec& e, const ConvShape& shape, const int16_t* x, const int8_t* w, int32_t* y) {
  const Geometry g = Geometry::of(shape);
  const View out = shape.y();
  e.pool->run(int64_t{out.n} * out.h, [&](int64_t task, int) {
    const int i = static_cast<int>(task / out.h), row = static_cast<int>(task % out.h);
    int32_t* to = y + out.offset(i, row, 0);
    std::fill(to, to + int64_t{out.w} * out.cs, 0);
    const int16_t* image = x + i * shape.x.image();
    if (shape.transposed) {
      spread_row(g, image, w, row, to);
    } else {
      gather_row(g, image, w, row, to);
    }
  });
}

}  // namespace

const ConvKernels cpu_conv = {forward, backward_input, backward_weight, backward_bias,
                              forward_codes};

}  // namespace gsx::kernels
