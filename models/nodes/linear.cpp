// linear: y = W x + b on vectors [N,F].
#include "models/nodes/weighted.h"

namespace gsx {
namespace nodes {
namespace {

class Linear : public Weighted {
 public:
  Linear(std::string n, std::vector<int> input_nodes, int in, int out, bool bias)
      : Weighted(std::move(n), std::move(input_nodes), in, out, 1, 1, bias, true, false) {}
  Linear(std::string n, std::vector<int> input_nodes, const Attributes& a)
      : Linear(std::move(n), std::move(input_nodes), a.integer("in", 0, kMaxChannels),
               a.integer("out", 1, kMaxChannels), a.boolean("bias")) {
    read_weighted_attributes(a);
  }
  std::string_view kind() const override { return "linear"; }
  NodePtr clone() const override {
    auto copy = std::make_unique<Linear>(*this);
    copy->unpack_weight();
    return cloned(std::move(copy));
  }
  Json attributes() const override { return weighted_attributes(); }

  Shape infer_shape(std::span<const Shape> given) const override {
    const Shape& x = only_input(*this, given, 2);
    GSX_CHECK(constant_input() || x[1] == in(), "linear: node ", name, " takes ", in(),
              " features, got shape ", x);
    return {x[0], out()};
  }
  MacCount macs(std::span<const Shape>, const Shape&) const override {
    return {static_cast<double>(in()) * out(), 0};
  }

  Tensor run(std::span<const Tensor> given, const RunOptions& options) const override {
    const Tensor& x = given[0];
    const Tensor bias = effective_bias();
    if (!constant_input()) return linear(x, effective_weight(options), bias);
    // Ones times the bias as a column, so that gradients reach it.
    if (!bias.defined()) return Tensor::zeros(x.context(), {x.dim(0), out()});
    return linear(Tensor::full(x.context(), {x.dim(0), 1}, 1), reshape(bias, {out(), 1}), {});
  }

  // On the quantised values a convolution of one tap over images of one pixel.
  int lower(Lowering& to, std::span<const int> given) const override {
    const auto one_pixel = [outputs = out()](const Shape& x) {
      const auto n = static_cast<int>(x[0]), c = static_cast<int>(x[1]);
      return kernels::ConvShape{kernels::View::of(n, 1, 1, c),
                                kernels::FilterView::of(outputs, c, 1, 1)};
    };
    const bool quantized = weight_quant() && to.has_quantized(given[0]);
    const auto image = [](const Shape& s) { return Shape{s[0], s[1], 1, 1}; };
    const auto vector = [](const Shape& s) { return Shape{s[0], s[1]}; };
    const auto reshaped = [&to](int value, auto to_shape, bool moves) {
      return to.call(
          std::span(&value, 1),
          {[=](std::span<const Tensor> x) { return reshape(x[0], to_shape(x[0].shape())); },
           [=](std::span<const Shape> s) { return to_shape(s[0]); }},
          moves);
    };
    const int pixels = reshaped(given[0], image, true);
    if (quantized) return reshaped(convolve(to, to.quantized_of(pixels), one_pixel), vector, false);
    const Tensor bias = effective_bias();
    Tensor w;
    if (!constant_input()) {
      const Tensor rows = effective_weight({});
      w = Tensor::from(rows.context(), rows.to_vector(), Shape{out(), in(), 1, 1}, Layout::filter);
    }
    const auto run = [=, outputs = out()](std::span<const Tensor> xs) {
      const Tensor& x = xs[0];
      if (w.defined()) return convolve_reals(x, w, bias, one_pixel(x.shape()));
      const Tensor zeros = Tensor::zeros(x.context(), {x.dim(0), outputs, 1, 1});
      return bias.defined() ? channel_affine(zeros, {}, bias) : zeros;
    };
    const auto shape = [outputs = out()](std::span<const Shape> s) {
      return Shape{s[0][0], outputs, 1, 1};
    };
    return reshaped(to.call(std::span(&pixels, 1), {run, shape}), vector, false);
  }

 protected:
  bool all_taps_in_bounds() const override { return true; }

  kernels::ConvShape packing_shape() const override {
    return {kernels::View::of(1, 1, 1, in()), kernels::FilterView::of(out(), in(), 1, 1)};
  }
};

}  // namespace

NodePtr linear_from(std::string name, std::vector<int> inputs, const Json& json) {
  return std::make_unique<Linear>(name, std::move(inputs), Attributes(name, json));
}

}  // namespace nodes

NodePtr make_linear(std::string name, int input, int in, int out, bool bias, bool spectral_norm) {
  auto node = std::make_unique<nodes::Linear>(std::move(name), std::vector{input}, in, out, bias);
  if (spectral_norm) node->take_spectral_norm();
  return node;
}

}  // namespace gsx
