// Resizing images.
#include <cmath>

#include "engine/ops/common.h"

namespace gsx {
using namespace ops;

namespace {

// One axis: its new extent.
int64_t resized(int64_t extent, int64_t size, double scale, const Shape& x) {
  const bool by_size = size > 0;
  GSX_CHECK(by_size || scale > 0,
            "resize: a height and width or positive scales must be given, got size ", size,
            " and scale ", scale);
  const double wanted =
      by_size ? static_cast<double>(size) : std::floor(static_cast<double>(extent) * scale);
  GSX_CHECK(wanted >= 1 && wanted <= (1 << 24), "resize: ", by_size ? "size " : "scale ",
            by_size ? static_cast<double>(size) : scale, " makes no image of x ", x,
            "; give 1 to 2^24 rows and columns");
  return static_cast<int64_t>(wanted);
}

}  // namespace

Shape ResizeOptions::output(const Shape& x) const {
  return {x[0], x[1], resized(x[2], height, scale_h, x), resized(x[3], width, scale_w, x)};
}

Tensor resize(const Tensor& x, const ResizeOptions& options) {
  check_image("resize", "x", x);
  const Tensor y = Tensor::empty(x.context(), options.output(x.shape()));
  const auto scale = [&](int64_t size, double given, int d) {
    return size > 0 ? static_cast<double>(y.dim(d)) / static_cast<double>(x.dim(d)) : given;
  };
  const kernels::ResizeShape shape{x.view(), y.view(), scale(options.height, options.scale_h, 2),
                                   scale(options.width, options.scale_w, 3), options.rule};
  x.backend().resize.forward(x.exec(), shape, in(x), out(y));
  return record(y, "resize", {x}, [shape, s = x.shape()](const Tensor& gy, Grads& grads) {
    const Tensor gx = Tensor::empty(gy.context(), s);
    gy.backend().resize.backward(gy.exec(), shape, in(gy), out(gx));
    grads.add(0, gx);
  });
}

}  // namespace gsx
