// Which pixels a convolution joins; see conv_reference.h.
#include "tools/bench/conv_reference.h"

namespace gsx::tools {
namespace {

// The place that index `i` of an image of `size` with a border shows; -1 where that is zero.
int source(int i, int size, kernels::PadMode mode) {
  if (i >= 0 && i < size) return i;
  if (mode == kernels::PadMode::zero) return -1;
  if (mode == kernels::PadMode::replicate) return i < 0 ? 0 : size - 1;
  return i < 0 ? -i : 2 * (size - 1) - i;
}

}  // namespace

ConvReference::ConvReference(const kernels::ConvShape& shape) : shape_(shape), y_(shape.y()) {
  const auto join = [&](int x_size, int y_size, int taps, int before, int stride, int dilation,
                        Links& by_x, Links& by_y, Links& by_tap) {
    by_x.resize(static_cast<size_t>(x_size));
    by_y.resize(static_cast<size_t>(y_size));
    by_tap.resize(static_cast<size_t>(taps));
    const int small = shape.transposed ? x_size : y_size;
    for (int i = 0; i < small; ++i) {
      for (int tap = 0; tap < taps; ++tap) {
        const int at = i * stride - before + tap * dilation;
        const int other = shape.transposed ? source(at, y_size, kernels::PadMode::zero)
                                           : source(at, x_size, shape.pad_mode);
        if (other < 0) continue;
        const Link link = shape.transposed ? Link{i, other, tap} : Link{other, i, tap};
        by_x[static_cast<size_t>(link.x)].push_back(link);
        by_y[static_cast<size_t>(link.y)].push_back(link);
        by_tap[static_cast<size_t>(tap)].push_back(link);
      }
    }
  };
  join(shape.x.h, y_.h, shape.w.r, shape.top, shape.stride.y, shape.dilation.y, rows_by_x_,
       rows_by_y_, rows_by_tap_);
  join(shape.x.w, y_.w, shape.w.s, shape.left, shape.stride.x, shape.dilation.x, columns_by_x_,
       columns_by_y_, columns_by_tap_);
}

double ConvReference::input_gradient(const float* gy, const float* w, int n, int h, int v,
                                     int c) const {
  const int outs = shape_.w.k / shape_.groups, first = c / shape_.w.c * outs;
  double sum = 0;
  for (const Link& row : rows_by_x_[static_cast<size_t>(h)]) {
    for (const Link& column : columns_by_x_[static_cast<size_t>(v)]) {
      const float* g = gy + y_.offset(n, row.y, column.y);
      const float* filter = w + shape_.w.offset(row.tap, column.tap, c % shape_.w.c);
      for (int k = first; k < first + outs; ++k) sum += static_cast<double>(g[k]) * filter[k];
    }
  }
  return sum;
}

double ConvReference::weight_gradient(const float* x, const float* gy, int r, int s, int c,
                                      int k) const {
  double sum = 0;
  for (int n = 0; n < shape_.x.n; ++n) {
    for (const Link& row : rows_by_tap_[static_cast<size_t>(r)]) {
      for (const Link& column : columns_by_tap_[static_cast<size_t>(s)]) {
        sum += static_cast<double>(x[shape_.x.offset(n, row.x, column.x) + first_input(k) + c]) *
               gy[y_.offset(n, row.y, column.y) + k];
      }
    }
  }
  return sum;
}

}  // namespace gsx::tools
