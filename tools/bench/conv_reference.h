// Convolution by its definition, in double precision and at single elements: what gsx bench
// compares kernels with.
#pragma once
#include <vector>

#include "kernels/conv.h"

namespace gsx::tools {

class ConvReference {
 public:
  explicit ConvReference(const kernels::ConvShape&);

  // Sums of products of float (or code) arrays as they lie in memory.
  template <class X, class W>
  double output(const X* x, const W* w, int n, int p, int q, int k) const {
    double sum = 0;
    for (const Link& row : rows_by_y_[static_cast<size_t>(p)]) {
      for (const Link& column : columns_by_y_[static_cast<size_t>(q)]) {
        const X* pixel = x + shape_.x.offset(n, row.x, column.x) + first_input(k);
        for (int c = 0; c < shape_.w.c; ++c)
          sum += static_cast<double>(pixel[c]) * w[shape_.w.offset(row.tap, column.tap, c) + k];
      }
    }
    return sum;
  }
  double input_gradient(const float* gy, const float* w, int n, int h, int v, int c) const;
  double weight_gradient(const float* x, const float* gy, int r, int s, int c, int k) const;

 private:
  // Filter tap `tap` joins input row (or column) x and output row y.
  struct Link {
    int x, y, tap;
  };
  using Links = std::vector<std::vector<Link>>;

  // The first input channel that output channel k sees.
  int first_input(int k) const { return k / (shape_.w.k / shape_.groups) * shape_.w.c; }

  kernels::ConvShape shape_;
  kernels::View y_;
  Links rows_by_x_, rows_by_y_, rows_by_tap_;
  Links columns_by_x_, columns_by_y_, columns_by_tap_;
};

}  // namespace gsx::tools
