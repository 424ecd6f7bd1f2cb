// The convolution table: which correlation each pass is, and which algorithm runs it.
#include "kernels/conv.h"

#include <algorithm>
#include <optional>

#include "kernels/cpu/conv_depthwise.h"
#include "kernels/cpu/conv_direct.h"
#include "kernels/cpu/conv_geometry.h"
#include "kernels/cpu/conv_groups.h"
#include "kernels/cpu/conv_weight.h"
#include "kernels/cpu/conv_winograd.h"
#include "kernels/cpu/conv_winograd_exact.h"
#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/image_tree.h"
#include "kernels/cpu/packed_quantized.h"
#include "kernels/instance_norm.h"
#include "kernels/integer.h"
#include "kernels/resample.h"

namespace gsx::kernels {
namespace {

// y = the correlations of x, and its moments if wanted: from the tasks that write it, or, of at
// most four channels, from a pass of their own, which is a little faster.
void correlate(Exec& e, const ConvShape& shape, const std::vector<Correlation>& parts,
               const View& in, const View& out, PadMode mode, const Weights<float>& w,
               const float* x, const float* bias, float* y, Moments moments = {}) {
  if (shape.depthwise()) {
    depthwise(e, parts, in, out, mode, shape.w, x, w.w, bias, y);
    if (moments) cpu_instance_norm.moments(e, out, y, moments);
    return;
  }
  Workspace::Scope scope(*e.workspace);
  std::optional<ImageMoments> images;
  if (moments && out.cs > 4) images.emplace(*e.workspace, out);
  const ImageMoments* to = images ? &*images : nullptr;
  const WinogradPlan plan(parts);
  if (shape.plain() && e.conv_algo != ConvAlgo::direct && winograd_possible(plan, in, out) &&
      (e.conv_algo == ConvAlgo::winograd || plan.pays(out.n, in.c, out.c))) {
    correlate_winograd(e, plan, in, out, mode, w, x, bias, y, to);
    if (!plan.rest.empty()) correlate_direct(e, plan.rest, in, out, mode, w, x, bias, y, to);
  } else {
    correlate_direct(e, parts, in, out, mode, w, x, bias, y, to);
  }
  if (images) {
    images->write(moments);
  } else if (moments) {
    cpu_instance_norm.moments(e, out, y, moments);
  }
}

void forward(Exec& e, const ConvShape& shape, const float* x, const float* w, const float* bias,
             float* y, Moments moments) {
  if (shape.groups > 1 && !shape.depthwise()) {
    grouped_forward(e, shape, x, w, bias, y);
    if (moments) cpu_instance_norm.moments(e, shape.y(), y, moments);
    return;
  }
  const Geometry g = Geometry::of(shape);
  const auto parts = shape.transposed ? spread_correlations(g) : gather_correlations(g);
  correlate(e, shape, parts, shape.x, shape.y(), shape.pad_mode,
            Weights<float>::forward(shape.w, w), x, bias, y, moments);
}

// gx = sum of the positions of the padded gradient that mirror each pixel, in ascending order.
void fold_reflected(Exec& e, const ConvShape& shape, const float* padded, float* gx) {
  const View x = shape.x, wide = shape.padded_x();
  e.pool->run(int64_t{x.n} * x.h, [&](int64_t task, int) {
    const int i = static_cast<int>(task / x.h), h = static_cast<int>(task % x.h);
    float* row = gx + x.offset(i, h, 0);
    std::fill(row, row + int64_t{x.w} * x.cs, 0.0f);
    const int mirrors[] = {-h, h, 2 * x.h - 2 - h};
    for (int m = 0; m < 3; ++m) {
      const int a = mirrors[m] + shape.top;
      if (a < 0 || a >= wide.h || (m > 0 && mirrors[m] == mirrors[m - 1])) continue;
      for (int b = 0; b < wide.w; ++b) {
        const int v = padded_index(b - shape.left, x.w, PadMode::reflect);
        const float* from = padded + wide.offset(i, a, b);
        for (int c = 0; c < x.cs; ++c) row[int64_t{v} * x.cs + c] += from[c];
      }
    }
  });
}

void backward_input(Exec& e, const ConvShape& shape, const float* gy, const float* w, float* gx) {
  if (shape.groups > 1 && !shape.depthwise()) {
    return grouped_backward_input(e, shape, gy, w, gx);
  }
  const View y = shape.y();
  const auto wt = Weights<float>::backward(shape.w, w);
  Geometry g = Geometry::of(shape);
  if (shape.transposed) {
    correlate(e, shape, gather_correlations(g), y, shape.x, PadMode::zero, wt, gy, nullptr, gx);
  } else if (shape.pad_mode == PadMode::zero) {
    correlate(e, shape, spread_correlations(g), y, shape.x, PadMode::zero, wt, gy, nullptr, gx);
  } else if (const WinogradPlan plan(gather_correlations(g));
             e.conv_algo != ConvAlgo::direct && winograd_spread_pays(shape, plan)) {
    spread_winograd(e, shape, plan, gy, w, gx);
  } else {
    g.big = shape.padded_x();
    g.top = g.left = 0;
    Workspace::Scope scope(*e.workspace);
    float* padded = e.workspace->take<float>(g.big.size());
    correlate(e, shape, spread_correlations(g), y, g.big, PadMode::zero, wt, gy, nullptr, padded);
    if (shape.pad_mode == PadMode::reflect) {
      fold_reflected(e, shape, padded, gx);
    } else {
      cpu_resample.pad_backward(e, {shape.x, g.big, shape.top, shape.left, shape.pad_mode}, padded,
                                gx);
    }
  }
}

void backward_weight(Exec& e, const ConvShape& shape, const float* x, const float* gy,
                     bool accumulate, float* gw) {
  if (shape.depthwise()) return depthwise_weight(e, shape, x, gy, accumulate, gw);
  if (shape.groups > 1) return grouped_backward_weight(e, shape, x, gy, accumulate, gw);
  const Geometry g = Geometry::of(shape);
  const WinogradPlan plan(gather_correlations(g));
  if (shape.plain() && e.conv_algo != ConvAlgo::direct && winograd_weight_possible(shape, plan) &&
      (e.conv_algo == ConvAlgo::winograd || plan.pays(g.small.n, g.big.c, g.small.c))) {
    weight_gradient_winograd(e, shape, plan, x, gy, accumulate, gw);
  } else {
    weight_gradient_direct(e, shape, x, gy, accumulate, gw);
  }
}

// Rows first, then the rows of an image, then images: short chains of additions in a fixed order.
void backward_bias(Exec& e, const View& view, const float* gy, bool accumulate, float* gbias) {
  Workspace::Scope scope(*e.workspace);
  float* rows = e.workspace->take<float>(int64_t{view.n} * view.h * view.cs);
  e.pool->run(int64_t{view.n} * view.h, [&](int64_t task, int) {
    float* sum = rows + task * view.cs;
    std::fill(sum, sum + view.cs, 0.0f);
    const float* pixel = gy + task * view.w * view.cs;
    for (int q = 0; q < view.w; ++q, pixel += view.cs) {
      for (int k = 0; k < view.cs; ++k) sum[k] += pixel[k];
    }
  });
  float* current = e.workspace->take<float>(view.cs);
  const ImageTree tree(e.workspace->take<float>(int64_t{tree_levels(view.n)} * view.cs), view.cs,
                       view.cs);
  for (int i = 0; i < view.n; ++i) {
    std::fill(current, current + view.cs, 0.0f);
    const float* row = rows + int64_t{i} * view.h * view.cs;
    for (int p = 0; p < view.h; ++p, row += view.cs) {
      for (int k = 0; k < view.cs; ++k) current[k] += row[k];
    }
    tree.add(i, current);
  }
  tree.total(view.n, current);
  for (int k = 0; k < view.c; ++k) gbias[k] = accumulate ? gbias[k] + current[k] : current[k];
}

// Depthwise filters lie in memory as they do in files and are multiplied as they lie.
std::vector<int8_t> pack(const ConvShape& s, const int8_t* w) {
  if (s.depthwise()) return std::vector<int8_t>(w, w + s.w.size());
  return s.groups > 1 ? pack_grouped_quantized(s, w) : pack_quantized(s, w);
}
void unpack(const ConvShape& s, const int8_t* packed, int8_t* w) {
  if (s.depthwise()) std::copy_n(packed, s.w.size(), w);
  else if (s.groups > 1) unpack_grouped_quantized(s, packed, w);
  else unpack_quantized(s, packed, w);
}

// Of 16 bits.
void depthwise_of_quantized(Exec& e, const ConvShape& s, const std::vector<Correlation>& parts,
                            const QuantizedImage& x, const int8_t* w, int32_t* y) {
  Workspace::Scope scope(*e.workspace);
  int16_t* wide = e.workspace->take<int16_t>(s.x.size());
  with_quantized_type(
      x.type, [&]<class T>() { std::copy_n(static_cast<const T*>(x.data), s.x.size(), wide); });
  depthwise_quantized(e, parts, s.x, s.y(), s.pad_mode, s.w, wide, w, y);
}

void forward_quantized(Exec& e, const ConvShape& shape, const QuantizedImage& x,
                       const int8_t* packed, int32_t* y, ExactSums sums) {
  const Geometry g = Geometry::of(shape);
  const auto parts = shape.transposed ? spread_correlations(g) : gather_correlations(g);
  if (shape.groups > 1) {
    if (shape.depthwise()) depthwise_of_quantized(e, shape, parts, x, packed, y);
    else grouped_quantized(e, shape, x, packed, y);
    if (sums) cpu_integer.exact_sums(e, shape.y(), y, sums);
    return;
  }
  const PackedQuantized w(shape, packed);
  if (e.conv_algo != ConvAlgo::direct && exact_winograd_possible(shape, x.range) &&
      (e.conv_algo == ConvAlgo::winograd || exact_winograd_pays(shape, e.kept != nullptr)))
    return correlate_exact_winograd(e, shape, w, x, y, sums);
  correlate_quantized(e, parts, shape.x, shape.y(), shape.pad_mode, w, x, y, sums);
}

}  // namespace

const ConvKernels cpu_conv = {Entered<forward>::call,
                              Entered<backward_input>::call,
                              Entered<backward_weight>::call,
                              Entered<backward_bias>::call,
                              pack,
                              unpack,
                              Entered<forward_quantized>::call};

}  // namespace gsx::kernels
