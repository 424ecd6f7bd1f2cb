// conv and conv_transpose: filters over images, with their padding.
#include "models/nodes/conv.h"

#include "kernels/backend.h"

namespace gsx {
namespace nodes {

namespace {
constexpr int kMaxKernel = 64, kMaxPad = 1024, kMaxStride = 64, kMaxDilation = 1024;
}

Conv::Conv(std::string n, int input, const ConvSpec& spec, bool transposed)
    : Weighted(std::move(n), {input}, spec.in, spec.out, spec.kernel.y, spec.kernel.x, spec.bias,
               false, transposed, spec.options.groups),
      kernel_(spec.kernel),
      options_(spec.options),
      same_pad_(spec.same_pad),
      transposed_(transposed) {
  if (spec.spectral_norm) take_spectral_norm();
}

Conv::Conv(std::string n, std::vector<int> input_nodes, const Attributes& a, bool transposed)
    : Weighted(std::move(n), std::move(input_nodes), a.integer("in", 0, kMaxChannels),
               a.integer("out", 1, kMaxChannels), a.per_axis("kernel", 1, kMaxKernel).y,
               a.per_axis("kernel", 1, kMaxKernel).x, a.boolean("bias"), false, transposed,
               a.has("groups") ? a.integer("groups", 1, kMaxChannels) : 1),
      kernel_(a.per_axis("kernel", 1, kMaxKernel)),
      same_pad_(a.boolean("same_pad")),
      transposed_(transposed) {
  options_.stride = a.per_axis("stride", 1, kMaxStride);
  if (a.has("dilation")) options_.dilation = a.per_axis("dilation", 1, kMaxDilation);
  const std::vector<int> pad = a.integers("pad", 4, -kMaxPad, kMaxPad);
  options_.pad = {pad[0], pad[1], pad[2], pad[3]};
  options_.pad_mode = static_cast<PadMode>(a.choice("pad_mode", kPadModeNames));
  GSX_CHECK(!transposed || (options_.pad_mode == PadMode::zero && !same_pad_), "model file: node ",
            name, ": a conv_transpose pads with zeros");
  read_weighted_attributes(a);
}

Json Conv::attributes() const {
  Json json = weighted_attributes();
  const Padding& p = options_.pad;
  json["kernel"] = per_axis(kernel_);
  json["stride"] = per_axis(options_.stride);
  if (options_.dilation != PerAxis(1)) json["dilation"] = per_axis(options_.dilation);
  json["pad"] = {p.top, p.bottom, p.left, p.right};
  json["pad_mode"] = name_of(kPadModeNames, options_.pad_mode);
  json["same_pad"] = same_pad_;
  return json;
}

ConvOptions Conv::resolved(const Shape& x) const {
  ConvOptions options = options_;
  options.groups = groups();
  if (!same_pad_) return options;
  const auto total = [](int64_t n, int kernel, int stride, int dilation) {
    const int64_t out = (n + stride - 1) / stride, reach = (kernel - 1) * dilation + 1;
    return static_cast<int>(std::max<int64_t>(0, (out - 1) * stride + reach - n));
  };
  const int high = total(x[2], kernel_.y, options.stride.y, options.dilation.y);
  const int wide = total(x[3], kernel_.x, options.stride.x, options.dilation.x);
  options.pad = {high / 2, high - high / 2, wide / 2, wide - wide / 2};
  return options;
}

bool Conv::all_taps_in_bounds() const {
  if (transposed_ || same_pad_)
    return kernel_ == PerAxis(1) && options_.stride == PerAxis(1) && options_.pad == Padding{};
  return options_.pad_mode != PadMode::zero || options_.pad == Padding{};
}

kernels::ConvShape Conv::kernel_shape(const Shape& x, int in_channels) const {
  const ConvOptions o = resolved(x);
  const auto dim = [&](int i) { return static_cast<int>(x[i]); };
  return {kernels::View::of(dim(0), dim(2), dim(3), in_channels),
          kernels::FilterView::of(out(), in_channels / groups(), kernel_.y, kernel_.x),
          o.stride,
          o.pad.top,
          o.pad.bottom,
          o.pad.left,
          o.pad.right,
          o.pad_mode,
          transposed_,
          o.dilation,
          groups()};
}

Shape Conv::infer_shape(std::span<const Shape> inputs_given) const {
  const Shape& x = only_input(*this, inputs_given, 4);
  GSX_CHECK(constant_input() || x[1] == in(), kind(), ": node ", name, " takes ", in(),
            " channels, got shape ", x);
  const kernels::ConvShape shape = kernel_shape(x, std::max(1, in()));
  const bool fits = transposed_ || (x[2] + shape.top + shape.bottom >= shape.reach_y() &&
                                    x[3] + shape.left + shape.right >= shape.reach_x());
  const bool mirrors =
      options_.pad_mode != PadMode::reflect ||
      (std::max(shape.top, shape.bottom) < x[2] && std::max(shape.left, shape.right) < x[3]);
  const kernels::View y = shape.y();
  GSX_CHECK(fits && mirrors && y.h > 0 && y.w > 0, kind(), ": node ", name,
            " cannot take images as small as ", x, "; give larger ones");
  return {x[0], out(), y.h, y.w};
}

MacCount Conv::macs(std::span<const Shape> given, const Shape& y) const {
  const Shape& x = given[0];
  const double per_pixel = static_cast<double>(group_in()) * out() * taps();
  const double output = per_pixel * static_cast<double>(y[2] * y[3]);
  const double input = per_pixel * static_cast<double>(x[2] * x[3]);
  return {transposed_ ? input : output, output};
}

Tensor Conv::convolve(const Tensor& x, const Tensor& w, const Tensor& bias,
                      Moments* moments) const {
  const ConvOptions o = resolved(x.shape());
  return transposed_ ? conv_transpose2d(x, w, bias, o, moments) : conv2d(x, w, bias, o, moments);
}

Tensor Conv::plane_of_ones(const Tensor& like, const Tensor& plane, const Tensor& bias) const {
  ConvOptions o = resolved(like.shape());
  o.groups = 1;
  const Tensor ones = Tensor::full(like.context(), {like.dim(0), 1, like.dim(2), like.dim(3)}, 1);
  return transposed_ ? conv_transpose2d(ones, plane, bias, o) : conv2d(ones, plane, bias, o);
}

Tensor Conv::run_for_norm(std::span<const Tensor> given, const RunOptions& options,
                          Moments& moments) const {
  if (constant_input() || plane_bias().defined()) return run(given, options);
  return convolve(given[0], effective_weight(options), effective_bias(), &moments);
}

Tensor Conv::run(std::span<const Tensor> given, const RunOptions& options) const {
  const Tensor& x = given[0];
  const Tensor bias = effective_bias(), plane = plane_bias();
  if (!constant_input()) {
    const Tensor y = convolve(x, effective_weight(options), bias);
    return plane.defined() ? gsx::add(y, plane_of_ones(x, plane, {})) : y;
  }
  if (plane.defined()) return plane_of_ones(x, plane, bias);
  const Shape shape[] = {x.shape()};
  const Tensor zeros = Tensor::zeros(x.context(), infer_shape(shape));
  return bias.defined() ? channel_affine(zeros, {}, bias) : zeros;
}

kernels::ConvShape Conv::packing_shape() const { return kernel_shape({1, in(), 64, 64}, in()); }

int Conv::lower(Lowering& to, std::span<const int> given) const {
  auto shell = std::make_shared<Conv>(*this);  // for shapes
  shell->forget_values();
  if (weight_quant() && to.has_quantized(given[0])) {
    return Weighted::convolve(to, to.quantized_of(given[0]), [shell](const Shape& x) {
      return shell->kernel_shape(x, shell->in());
    });
  }
  const Tensor w = constant_input() ? Tensor{} : effective_weight({});
  const Tensor bias = effective_bias(), plane = plane_bias();
  const bool constant = constant_input();
  const auto run = [=](std::span<const Tensor> xs) {
    const Tensor& x = xs[0];
    Tensor y;
    if (!constant) y = convolve_reals(x, w, bias, shell->kernel_shape(x.shape(), shell->in()));
    if (plane.defined()) {
      const Tensor ones = Tensor::full(x.context(), {x.dim(0), 1, x.dim(2), x.dim(3)}, 1);
      kernels::ConvShape of_ones = shell->kernel_shape(ones.shape(), shell->groups());
      of_ones.x = ones.view();
      of_ones.groups = 1;
      const Tensor taps = convolve_reals(ones, plane, y.defined() ? Tensor{} : bias, of_ones);
      return y.defined() ? gsx::add(y, taps) : taps;
    }
    if (y.defined()) return y;
    const Shape shape[] = {x.shape()};
    const Tensor zeros = Tensor::zeros(x.context(), shell->infer_shape(shape));
    return bias.defined() ? channel_affine(zeros, {}, bias) : zeros;
  };
  return to.call(given, {run, [shell](std::span<const Shape> s) { return shell->infer_shape(s); }});
}

NodePtr Conv::clone() const {
  auto copy = std::make_unique<Conv>(*this);
  copy->unpack_weight();
  return cloned(std::move(copy));
}

NodePtr conv_from(std::string name, std::vector<int> inputs, const Json& json) {
  return std::make_unique<Conv>(name, std::move(inputs), Attributes(name, json), false);
}
NodePtr conv_transpose_from(std::string name, std::vector<int> inputs, const Json& json) {
  return std::make_unique<Conv>(name, std::move(inputs), Attributes(name, json), true);
}

}  // namespace nodes

NodePtr make_conv(std::string name, int input, const ConvSpec& spec) {
  return std::make_unique<nodes::Conv>(std::move(name), input, spec, false);
}
NodePtr make_conv_transpose(std::string name, int input, const ConvSpec& spec) {
  return std::make_unique<nodes::Conv>(std::move(name), input, spec, true);
}

}  // namespace gsx
