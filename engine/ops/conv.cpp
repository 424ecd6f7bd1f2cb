// conv2d and conv_transpose2d over one kernel table.
#include <algorithm>
#include <string>

#include "engine/ops/common.h"

namespace gsx {
using namespace ops;

namespace {

kernels::ConvShape check(const char* op, const Tensor& x, const Tensor& w, const Tensor& bias,
                         const ConvOptions& o) {
  check_image(op, "x", x);
  check_f32(op, "w", w);
  GSX_CHECK(w.layout() == Layout::filter, op, ": w must be a filter tensor K C R S, got shape ",
            w.shape(), " in another layout");
  GSX_CHECK(w.numel() > 0, op, ": w must not be empty, got shape ", w.shape());
  GSX_CHECK(o.groups >= 1 && w.dim(0) % o.groups == 0, op,
            ": groups must divide the output channels of w, got ", o.groups, " and shape ",
            w.shape());
  GSX_CHECK(x.dim(1) == w.dim(1) * o.groups, op, ": x has ", x.dim(1), " channels but w takes ",
            w.dim(1) * o.groups, " (shapes ", x.shape(), " and ", w.shape(),
            o.groups > 1 ? ", groups " + std::to_string(o.groups) : std::string(), ")");
  check_device(op, "w", w, "x", x);
  if (bias.defined()) {
    check_f32(op, "bias", bias);
    check_device(op, "bias", bias, "x", x);
    GSX_CHECK(bias.shape() == Shape{w.dim(0)}, op, ": bias must have shape ", Shape{w.dim(0)},
              " to match the output channels of w, got ", bias.shape());
  }
  const auto at_least_one = [&](const char* what, const PerAxis& n) {
    GSX_CHECK(n.y >= 1 && n.x >= 1, op, ": ", what, " must be at least 1, got ",
              std::min(n.y, n.x));
  };
  at_least_one("stride", o.stride);
  at_least_one("dilation", o.dilation);
  return {x.view(),    w.filter_view(), o.stride, o.pad.top,  o.pad.bottom, o.pad.left,
          o.pad.right, o.pad_mode,      false,    o.dilation, o.groups};
}

// x's context, with what is kept of the weights.
kernels::Exec exec_for(const Tensor& x, const Tensor& w) {
  kernels::Exec e = x.exec();
  e.kept = w.prepacked_weights();
  return e;
}

Tensor run(const char* op, const kernels::ConvShape& shape, const Tensor& x, const Tensor& w,
           const Tensor& bias, Moments* moments) {
  const kernels::View v = shape.y();
  Tensor y = Tensor::empty(x.context(), {v.n, v.c, v.h, v.w});
  kernels::Exec e = exec_for(x, w);
  kernels::Moments of_y;
  if (moments) {
    moments->mean = Tensor::empty(x.context(), {v.n, v.c});
    moments->var = Tensor::empty_like(moments->mean);
    of_y = {out(moments->mean), out(moments->var)};
  }
  x.context()->conv().forward(e, shape, in(x), in(w), in_or_null(bias), out(y), of_y);
  return record(
      y, op, {x, w, bias}, [shape, x = x.detach(), w = w.detach()](const Tensor& gy, Grads& grads) {
        const auto& table = x.context()->conv();
        if (grads.wants(0)) {
          Tensor gx = Tensor::empty_like(x);
          kernels::Exec back = exec_for(x, w);
          table.backward_input(back, shape, in(gy), in(w), out(gx));
          grads.add(0, gx);
        }
        if (grads.wants(1)) {
          const auto target = grads.accumulate_into(1);
          table.backward_weight(x.exec(), shape, in(x), in(gy), target.accumulate,
                                out(target.buffer));
        }
        if (grads.wants(2)) {
          const auto target = grads.accumulate_into(2);
          table.backward_bias(x.exec(), gy.view(), in(gy), target.accumulate, out(target.buffer));
        }
      });
}

}  // namespace

Tensor conv2d(const Tensor& x, const Tensor& w, const Tensor& bias, const ConvOptions& o,
              Moments* moments) {
  const kernels::ConvShape shape = check("conv2d", x, w, bias, o);
  const auto [top, bottom, left, right] = o.pad;
  GSX_CHECK(top >= 0 && bottom >= 0 && left >= 0 && right >= 0,
            "conv2d: padding must not be negative, got top ", top, ", bottom ", bottom, ", left ",
            left, ", right ", right);
  GSX_CHECK(
      x.dim(2) + top + bottom >= shape.reach_y() && x.dim(3) + left + right >= shape.reach_x(),
      "conv2d: x ", x.shape(), " with its padding is smaller than the window ", shape.reach_y(),
      "x", shape.reach_x());
  GSX_CHECK(o.pad_mode != PadMode::reflect ||
                (std::max(top, bottom) < x.dim(2) && std::max(left, right) < x.dim(3)),
            "conv2d: reflect padding must be smaller than the image ", x.shape(), ", got top ", top,
            ", bottom ", bottom, ", left ", left, ", right ", right);
  return run("conv2d", shape, x, w, bias, moments);
}

Tensor conv_transpose2d(const Tensor& x, const Tensor& w, const Tensor& bias, const ConvOptions& o,
                        Moments* moments) {
  kernels::ConvShape shape = check("conv_transpose2d", x, w, bias, o);
  GSX_CHECK(o.pad_mode == PadMode::zero, "conv_transpose2d: pad_mode must be zero, got ",
            o.pad_mode == PadMode::reflect ? "reflect" : "replicate");
  shape.transposed = true;
  const kernels::View v = shape.y();
  GSX_CHECK(v.h > 0 && v.w > 0, "conv_transpose2d: cropping leaves no output of x ", x.shape(),
            ", got ", v.h, "x", v.w);
  return run("conv_transpose2d", shape, x, w, bias, moments);
}

}  // namespace gsx
