// Convolutions and norms of the integer program: check shapes and ranges, allocate, call the
// device's table.
#include "engine/ops/integer_parts.h"

namespace gsx {
using namespace ops;

namespace {

constexpr int64_t kMostSum = int64_t{1} << 30;

kernels::NormParameters parameters_of(const char* op, const NormSpec& spec, const Tensor& x) {
  check_scale_shift(op, spec.gamma, spec.beta, x);
  return {in_or_null(spec.gamma), in_or_null(spec.beta), spec.eps};
}

NormLine line_for(const ContextPtr& context, const kernels::View& v, DType middle) {
  const Shape shape{v.n, v.cs};
  return {Tensor::empty(context, shape, middle), Tensor::empty(context, shape),
          Tensor::empty(context, shape)};
}
kernels::NormLine raw(const NormLine& line) {
  return {line.middle.device_data<void>(), out(line.slope), out(line.shift)};
}

}  // namespace

DType dtype_of(kernels::QuantizedType t) {
  switch (t) {
    case kernels::QuantizedType::u8: return DType::u8;
    case kernels::QuantizedType::s8: return DType::s8;
    default: return DType::s16;
  }
}

QuantizedTensor QuantizedTensor::empty(const ContextPtr& context, const Shape& shape, float scale,
                                       kernels::IntegerRange range) {
  return {Tensor::empty(context, shape, dtype_of(range.type())), scale, range};
}

PrepackedWeights prepack(const Tensor& quantized, const kernels::ConvShape& layout) {
  check_type("prepack", "codes", quantized, DType::s8);
  const kernels::FilterView f = quantized.filter_view();
  GSX_CHECK(f.k == layout.w.k && f.c == layout.w.c && f.r == layout.w.r && f.s == layout.w.s,
            "prepack: the layout must be of a filter of shape ", quantized.shape());
  const auto host = quantized.read_storage<int8_t>();
  const std::vector<int8_t> packed = quantized.backend().conv.pack_quantized(layout, host.data());
  Tensor data =
      Tensor::empty(quantized.context(), Shape{static_cast<int64_t>(packed.size())}, DType::s8);
  data.write_storage<int8_t>(packed);
  data.prepack_weights();
  return {data, layout};
}

Tensor unpack(const PrepackedWeights& w) {
  check_type("unpack", "weights", w.data, DType::s8);
  const kernels::FilterView& f = w.layout.w;
  Tensor quantized =
      Tensor::empty(w.data.context(), Shape{f.k, f.c, f.r, f.s}, Layout::filter, DType::s8);
  std::vector<int8_t> host(static_cast<size_t>(f.size()));
  w.data.backend().conv.unpack_quantized(w.layout, w.data.read_storage<int8_t>().data(),
                                         host.data());
  quantized.write_storage<int8_t>(host);
  return quantized;
}

Tensor ops::room_for_sums(const ContextPtr& context, const kernels::View& v) {
  return Tensor::empty(context, Shape{2 * kernels::ExactSums::size(v)}, Layout::dense, DType::i32);
}

void ops::check_convolution(const QuantizedConvolution& c) {
  const auto& [x, w, shape, taps] = c;
  check_type(kConvolve, "x", x.data, dtype_of(x.range.type()));
  const kernels::View v = x.data.view();
  GSX_CHECK(v.n == shape.x.n && v.h == shape.x.h && v.w == shape.x.w, kConvolve,
            ": x must have the shape's size, got ", x.data.shape());
  if (w.defined()) {
    check_type(kConvolve, "weights", w.data, DType::s8);
    check_device(kConvolve, "weights", w.data, "x", x.data);
    const int channels = w.layout.w.c * w.layout.groups;
    GSX_CHECK(v.c == channels && w.layout.w.c == shape.w.c && w.layout.w.k == shape.w.k, kConvolve,
              ": x must have ", channels, " channels, got shape ", x.data.shape());
    const int64_t products = int64_t{shape.w.c} * shape.w.r * shape.w.s;
    GSX_CHECK(products * 127 * x.range.most() < kMostSum, kConvolve, ": sums of ", products,
              " products of codes up to ", x.range.most(), " must stay below 2^30");
  }
  if (!taps.quantized.defined()) return;
  check_type(kConvolve, "taps", taps.quantized, DType::i32);
  const bool all = taps.kind == kernels::TapBias::per_tap;
  GSX_CHECK(taps.quantized.numel() == int64_t{shape.y().c} * (all ? shape.w.r * shape.w.s : 1),
            kConvolve, ": taps must hold a number per output channel", all ? " and tap" : "",
            ", got ", taps.quantized.numel());
}

void ops::convolve_part(const QuantizedConvolution& c, const kernels::ConvShape& part,
                        const void* x, int32_t* y, kernels::ExactSums sums) {
  const kernels::Backend& backend = c.x.data.backend();
  kernels::Exec e = c.x.data.exec();
  const bool early = !c.taps.quantized.defined() && c.weights.defined();
  if (c.weights.defined()) {
    e.kept = c.weights.data.prepacked_weights();
    backend.conv.forward_quantized(e, part, {x, c.x.range.type(), c.x.range},
                                   c.weights.data.device_data<int8_t>(), y,
                                   early ? sums : kernels::ExactSums{});
  }
  if (c.taps.quantized.defined())
    backend.integer.add_taps(c.x.data.exec(), part, c.taps.kind, ints(c.taps.quantized), y);
  if (sums && !early) backend.integer.exact_sums(c.x.data.exec(), part.y(), y, sums);
}

Tensor convolve_quantized(const QuantizedConvolution& c, Tensor* statistics) {
  check_convolution(c);
  const kernels::View v = c.shape.y();
  const ContextPtr& context = c.x.data.context();
  const Shape shape{v.n, v.c, v.h, v.w};
  if (statistics) *statistics = room_for_sums(context, v);
  const Tensor y = c.weights.defined() ? Tensor::empty(context, shape, DType::i32)
                                       : Tensor::zeros(context, shape, DType::i32);
  convolve_part(c, c.shape, c.x.data.device_data<void>(), ints(y),
                statistics ? sums_in(*statistics) : kernels::ExactSums{});
  return y;
}

NormSpec by_biased_variance(const NormSpec& spec, const Tensor& x, int64_t n) {
  if (!spec.unbiased) return spec;
  GSX_CHECK(n > 1, "norm: an unbiased variance needs at least 2 elements, got shape ", x.shape(),
            "; give a larger image");
  const double share = static_cast<double>(n - 1) / static_cast<double>(n);
  const auto factor = static_cast<float>(std::sqrt(share));
  const Shape channels = {x.dim(1)};
  NormSpec s;
  s.eps = static_cast<float>(spec.eps * share);
  s.gamma = spec.gamma.defined() ? affine(spec.gamma, factor, 0)
                                 : Tensor::full(x.context(), channels, factor);
  s.beta = spec.beta.defined() ? spec.beta : Tensor::zeros(x.context(), channels);
  return s;
}

NormLine ops::norm_line(const kernels::View& v, const Tensor& like, const Tensor& statistics,
                        const Tensor& scales, const NormSpec& spec) {
  constexpr const char* kOp = "norm_of_sums";
  GSX_CHECK(scales.defined() && scales.numel() >= v.c, kOp, ": scales must hold ", v.c,
            " numbers, one per channel of ", like.shape());
  const NormSpec biased = by_biased_variance(spec, like, v.plane());
  const kernels::NormParameters parameters = parameters_of(kOp, biased, like);
  const NormLine line = line_for(like.context(), v, DType::i32);
  like.backend().integer.norm_of_integers(like.exec(), v, sums_in(statistics), in(scales),
                                          parameters, raw(line));
  return line;
}

NormLine norm_of_sums(const Tensor& accumulators, const Tensor& statistics, const Tensor& scales,
                      const NormSpec& spec) {
  constexpr const char* kOp = "norm_of_sums";
  check_type(kOp, "sums", accumulators, DType::i32);
  const kernels::View v = accumulators.view();
  Tensor taken = statistics;
  if (!taken.defined()) {
    taken = room_for_sums(accumulators.context(), v);
    accumulators.backend().integer.exact_sums(accumulators.exec(), v, ints(accumulators),
                                              sums_in(taken));
  }
  return norm_line(v, accumulators, taken, scales, spec);
}

NormLine norm_of_reals(const Tensor& x, const NormSpec& spec) {
  check_image("norm_of_reals", "x", x);
  const NormSpec biased = by_biased_variance(spec, x, x.dim(2) * x.dim(3));
  const kernels::NormParameters parameters = parameters_of("norm_of_reals", biased, x);
  const NormLine line = line_for(x.context(), x.view(), DType::f32);
  x.backend().integer.norm_of_reals(x.exec(), x.view(), in(x), parameters, raw(line));
  return line;
}

Tensor convolve_reals(const Tensor& x, const Tensor& w, const Tensor& bias,
                      const kernels::ConvShape& shape) {
  constexpr const char* kOp = "convolve_reals";
  check_image(kOp, "x", x);
  check_f32(kOp, "w", w);
  check_device(kOp, "w", w, "x", x);
  const kernels::FilterView f = w.filter_view();
  GSX_CHECK(int64_t{f.c} * shape.groups == x.dim(1) && f.c == shape.w.c && f.k == shape.w.k &&
                f.r == shape.w.r && f.s == shape.w.s,
            kOp, ": w must be a filter of ", x.dim(1) / shape.groups, " channels, got shape ",
            w.shape());
  if (bias.defined())
    GSX_CHECK(bias.numel() == f.k, kOp, ": bias must have shape ", Shape{f.k}, ", got ",
              bias.shape());
  const kernels::View v = shape.y();
  Tensor y = Tensor::empty(x.context(), Shape{v.n, v.c, v.h, v.w});
  x.backend().integer.convolve_reals(x.exec(), shape, in(x), in(w), in_or_null(bias), out(y));
  return y;
}

}  // namespace gsx
