// reshape, pad2d, upsample_nearest, concat.
#include "engine/ops/common.h"

namespace gsx {
using namespace ops;

namespace {

const kernels::ResampleKernels& table(const Tensor& t) { return t.backend().resample; }

Tensor reshaped(const Tensor& x, const Shape& shape) {
  Tensor y = Tensor::empty(x.context(), shape);
  if (x.numel() == 0) return y;
  const bool from_image = x.layout() == Layout::image, to_image = y.layout() == Layout::image;
  if (to_image && from_image) {
    const Tensor dense = reshaped(x, Shape{x.numel()});
    table(y).from_dense(y.exec(), y.view(), in(dense), out(y));
  } else if (to_image) {
    table(y).from_dense(y.exec(), y.view(), in(x), out(y));
  } else if (from_image) {
    table(x).to_dense(x.exec(), x.view(), in(x), out(y));
  } else {
    x.context()->copy(in(x), out(y), x.numel() * sizeof(float));
  }
  return y;
}

// An image's view, or dense [N, C] seen as images of one unpadded pixel.
kernels::View channels_view(const Tensor& t) {
  if (t.layout() == Layout::image) return t.view();
  const int c = static_cast<int>(t.dim(1));
  return {static_cast<int>(t.dim(0)), 1, 1, c, c};
}

Shape with_channels(const Shape& s, int64_t c) {
  return s.rank() == 2 ? Shape{s[0], c} : Shape{s[0], c, s[2], s[3]};
}

}  // namespace

Tensor reshape(const Tensor& x, const Shape& shape) {
  check_f32("reshape", "x", x);
  GSX_CHECK(x.layout() != Layout::filter, "reshape: x must be an image or dense, got a filter");
  GSX_CHECK(shape.numel() == x.numel(), "reshape: shape ", shape, " must have the ", x.numel(),
            " elements of x ", x.shape(), ", got ", shape.numel());
  return record(reshaped(x, shape), "reshape", {x},
                [s = x.shape()](const Tensor& gy, Grads& grads) { grads.add(0, reshaped(gy, s)); });
}

Tensor pad2d(const Tensor& x, const Padding& pad, PadMode mode) {
  check_image("pad2d", "x", x);
  const auto [top, bottom, left, right] = pad;
  const int64_t h = x.dim(2) + top + bottom, w = x.dim(3) + left + right;
  GSX_CHECK(h > 0 && w > 0, "pad2d: cropping leaves no output of x ", x.shape(), ", got ", h, "x",
            w);
  if (mode != PadMode::zero) {
    GSX_CHECK(std::min({top, bottom, left, right}) >= 0,
              "pad2d: ", mode == PadMode::reflect ? "reflect" : "replicate",
              " padding must not be negative, got top ", top, ", bottom ", bottom, ", left ", left,
              ", right ", right);
  }
  if (mode == PadMode::reflect) {
    GSX_CHECK(std::max(top, bottom) < x.dim(2) && std::max(left, right) < x.dim(3),
              "pad2d: reflect padding must be smaller than the image ", x.shape(), ", got top ",
              top, ", bottom ", bottom, ", left ", left, ", right ", right);
  }
  Tensor y = Tensor::empty(x.context(), {x.dim(0), x.dim(1), h, w});
  const kernels::PadShape shape{x.view(), y.view(), top, left, mode};
  table(x).pad(x.exec(), shape, in(x), out(y));
  return record(y, "pad2d", {x}, [shape, s = x.shape()](const Tensor& gy, Grads& grads) {
    Tensor gx = Tensor::empty(gy.context(), s);
    table(gy).pad_backward(gy.exec(), shape, in(gy), out(gx));
    grads.add(0, gx);
  });
}

Tensor upsample_nearest(const Tensor& x, int factor) {
  check_image("upsample_nearest", "x", x);
  GSX_CHECK(factor >= 1, "upsample_nearest: factor must be at least 1, got ", factor);
  Tensor y = Tensor::empty(x.context(), {x.dim(0), x.dim(1), x.dim(2) * factor, x.dim(3) * factor});
  table(x).upsample(x.exec(), x.view(), factor, in(x), out(y));
  return record(y, "upsample_nearest", {x},
                [factor, s = x.shape()](const Tensor& gy, Grads& grads) {
                  Tensor gx = Tensor::empty(gy.context(), s);
                  table(gy).upsample_backward(gy.exec(), gx.view(), factor, in(gy), out(gx));
                  grads.add(0, gx);
                });
}

Tensor concat(const std::vector<Tensor>& xs) {
  GSX_CHECK(!xs.empty(), "concat: needs at least one tensor, got none");
  const Shape& first = xs[0].shape();
  int64_t channels = 0;
  for (const Tensor& x : xs) {
    check_f32("concat", "every tensor", x);
    check_device("concat", "every tensor", x, "the first", xs[0]);
    const Shape& s = x.shape();
    GSX_CHECK(x.layout() == Layout::image || s.rank() == 2,
              "concat: tensors must be images N C H W or dense [N, C], got shape ", s);
    GSX_CHECK(s.rank() == first.rank() && s[0] == first[0] && s[2] == first[2] && s[3] == first[3],
              "concat: all tensors must agree but for channels, got ", first, " and ", s);
    channels += s[1];
  }
  Tensor y = Tensor::empty(xs[0].context(), with_channels(first, channels));
  int at = 0;
  std::vector<Shape> shapes;
  for (const Tensor& x : xs) {
    table(y).insert_channels(y.exec(), channels_view(x), in(x), channels_view(y), at, out(y));
    at += static_cast<int>(x.dim(1));
    shapes.push_back(x.shape());
  }
  return record(y, "concat", xs, [shapes = std::move(shapes)](const Tensor& gy, Grads& grads) {
    int begin = 0;
    for (int i = 0; i < static_cast<int>(shapes.size()); ++i) {
      if (grads.wants(i)) {
        Tensor gx = Tensor::empty(gy.context(), shapes[i]);
        table(gy).extract_channels(gy.exec(), channels_view(gy), in(gy), begin, channels_view(gx),
                                   out(gx));
        grads.add(i, gx);
      }
      begin += static_cast<int>(shapes[i][1]);
    }
  });
}

}  // namespace gsx
