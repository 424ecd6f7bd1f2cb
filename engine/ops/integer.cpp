// Operations of the integer program: check shapes and ranges, allocate, call the device's table.
#include "engine/integer.h"

#include <algorithm>

#include "engine/ops/common.h"

namespace gsx {
using namespace ops;

namespace {

constexpr int64_t kMostSum = int64_t{1} << 30;

void check_type(const char* op, const char* argument, const Tensor& t, DType type) {
  GSX_CHECK(t.defined() && t.dtype() == type, op, ": ", argument, " must be ", type, ", got ",
            t.defined() ? "another type" : "an undefined tensor");
}

void check_values(const char* op, const Tensor& t, const Tensor& like) {
  GSX_CHECK(t.layout() != Layout::filter && t.shape().rank() > 0, op,
            ": x must be an image or dense, got shape ", t.shape());
  GSX_CHECK(t.shape() == like.shape() && t.layout() == like.layout(), op,
            ": all values must have shape ", like.shape(), ", got ", t.shape());
}

kernels::QuantizedImage quantized_of(const QuantizedTensor& x) {
  return {x.data.device_data<void>(), x.range.type(), x.range};
}

int32_t* ints(const Tensor& t) { return t.device_data<int32_t>(); }
kernels::ExactSums sums_in(const Tensor& statistics) {
  return {reinterpret_cast<uint64_t*>(statistics.device_data<int32_t>())};
}

// As many 64-bit numbers.
Tensor room_for_sums(const ContextPtr& context, const kernels::View& v) {
  return Tensor::empty(context, Shape{2 * kernels::ExactSums::size(v)}, Layout::dense, DType::i32);
}

kernels::NormParameters parameters_of(const char* op, const NormSpec& spec, const Tensor& x) {
  check_scale_shift(op, spec.gamma, spec.beta, x);
  return {in_or_null(spec.gamma), in_or_null(spec.beta), spec.eps};
}

NormLine line_for(const Tensor& x, DType middle) {
  const kernels::View v = x.view();
  const Shape shape{v.n, v.cs};
  return {Tensor::empty(x.context(), shape, middle), Tensor::empty(x.context(), shape),
          Tensor::empty(x.context(), shape)};
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

Tensor convolve_quantized(const QuantizedTensor& x, const PrepackedWeights& w,
                          const kernels::ConvShape& shape, const QuantizedTaps& taps,
                          Tensor* statistics) {
  constexpr const char* kOp = "convolve_codes";
  check_type(kOp, "x", x.data, dtype_of(x.range.type()));
  const kernels::View v = x.data.view(), y_view = shape.y();
  const ContextPtr& context = x.data.context();
  const kernels::Backend& backend = x.data.backend();
  const Shape y_shape{y_view.n, y_view.c, y_view.h, y_view.w};
  GSX_CHECK(v.n == shape.x.n && v.h == shape.x.h && v.w == shape.x.w, kOp,
            ": x must have the shape's size, got ", x.data.shape());
  const bool early = statistics && w.defined() && !taps.quantized.defined();
  if (statistics) *statistics = room_for_sums(context, y_view);
  Tensor y;
  if (w.defined()) {
    check_type(kOp, "weights", w.data, DType::s8);
    check_device(kOp, "weights", w.data, "x", x.data);
    const int channels = w.layout.w.c * w.layout.groups;
    GSX_CHECK(v.c == channels && w.layout.w.c == shape.w.c && w.layout.w.k == shape.w.k, kOp,
              ": x must have ", channels, " channels, got shape ", x.data.shape());
    const int64_t products = int64_t{shape.w.c} * shape.w.r * shape.w.s;
    GSX_CHECK(products * 127 * x.range.most() < kMostSum, kOp, ": sums of ", products,
              " products of codes up to ", x.range.most(), " must stay below 2^30");
    y = Tensor::empty(context, y_shape, DType::i32);
    kernels::Exec e = x.data.exec();
    e.kept = w.data.prepacked_weights();
    backend.conv.forward_quantized(e, shape, quantized_of(x), w.data.device_data<int8_t>(), ints(y),
                                   early ? sums_in(*statistics) : kernels::ExactSums{});
  } else {
    y = Tensor::zeros(context, y_shape, DType::i32);
  }
  if (taps.quantized.defined()) {
    check_type(kOp, "taps", taps.quantized, DType::i32);
    const bool all = taps.kind == kernels::TapBias::per_tap;
    GSX_CHECK(taps.quantized.numel() == int64_t{y_view.c} * (all ? shape.w.r * shape.w.s : 1), kOp,
              ": taps must hold a number per output channel", all ? " and tap" : "", ", got ",
              taps.quantized.numel());
    backend.integer.add_taps(x.data.exec(), shape, taps.kind, ints(taps.quantized), ints(y));
  }
  if (statistics && !early)
    backend.integer.exact_sums(x.data.exec(), y_view, ints(y), sums_in(*statistics));
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

NormLine norm_of_sums(const Tensor& accumulators, const Tensor& statistics, const Tensor& scales,
                      const NormSpec& spec) {
  constexpr const char* kOp = "norm_of_sums";
  check_type(kOp, "sums", accumulators, DType::i32);
  const kernels::View v = accumulators.view();
  GSX_CHECK(scales.defined() && scales.numel() >= v.c, kOp, ": scales must hold ", v.c,
            " numbers, one per channel of ", accumulators.shape());
  const NormSpec biased = by_biased_variance(spec, accumulators, int64_t{v.h} * v.w);
  const kernels::NormParameters parameters = parameters_of(kOp, biased, accumulators);
  Tensor taken = statistics;
  if (!taken.defined()) {
    taken = room_for_sums(accumulators.context(), v);
    accumulators.backend().integer.exact_sums(accumulators.exec(), v, ints(accumulators),
                                              sums_in(taken));
  }
  const NormLine line = line_for(accumulators, DType::i32);
  accumulators.backend().integer.norm_of_integers(accumulators.exec(), v, sums_in(taken),
                                                  in(scales), parameters, raw(line));
  return line;
}

NormLine norm_of_reals(const Tensor& x, const NormSpec& spec) {
  check_image("norm_of_reals", "x", x);
  const NormSpec biased = by_biased_variance(spec, x, x.dim(2) * x.dim(3));
  const kernels::NormParameters parameters = parameters_of("norm_of_reals", biased, x);
  const NormLine line = line_for(x, DType::f32);
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

Tensor padded_channels(const ContextPtr& context, const std::vector<float>& values, bool image) {
  std::vector<float> all = values;
  const int c = static_cast<int>(values.size());
  all.resize(static_cast<size_t>(image ? kernels::channel_stride(c) : c), 0.0f);
  return Tensor::from(context, all, Shape{static_cast<int64_t>(all.size())});
}

const Tensor& PassSource::tensor() const {
  return reals.defined() ? reals : accumulators.defined() ? accumulators : quantized.data;
}

namespace {

constexpr const char* kPass = "fused_pass";

// Per-channel numbers of an operation.
const float* channel_numbers(const Tensor& t, bool per_image, const kernels::View& v) {
  if (!t.defined()) return nullptr;
  const int64_t want = int64_t{per_image ? v.n : 1} * v.cs;
  GSX_CHECK(t.numel() == want, kPass, ": an operation must have ", want,
            " numbers, padding lanes among them, got ", t.numel());
  return in(t);
}

kernels::PassOp op_of(const PassStep& step, const Tensor& x, const kernels::View& v) {
  kernels::PassOp op = step.op;
  op.a = channel_numbers(step.a, op.per_image, v);
  op.b = channel_numbers(step.b, op.per_image, v);
  if (step.other.defined()) {
    check_f32(kPass, "other", step.other);
    check_values(kPass, step.other, x);
    op.other = in(step.other);
  }
  using Kind = kernels::PassOp::Kind;
  GSX_CHECK((op.kind != Kind::affine || (op.a && op.b)) && (op.kind != Kind::centre || op.a) &&
                (op.kind != Kind::add || op.other),
            kPass, ": an operation must have the numbers it works with, got none");
  return op;
}

}  // namespace

PassResult fused_pass(const PassSource& source, const std::vector<PassStep>& steps, bool want_reals,
                      const std::optional<QuantRange>& quantizer, const Tensor& into) {
  const Tensor& x = source.tensor();
  GSX_CHECK(x.defined(), kPass, ": must have values, got an undefined tensor");
  check_values(kPass, x, x);
  GSX_CHECK(steps.size() <= kernels::FusedPass::kMostOps, kPass, ": at most ",
            kernels::FusedPass::kMostOps, " operations fit one pass, got ", steps.size());
  const kernels::View v = view_of(x);
  kernels::FusedPass pass;
  pass.x = x.device_data<void>();
  if (source.quantized.data.defined()) {
    pass.source = kernels::FusedPass::Source::quantized;
    pass.source_type = source.quantized.range.type();
    check_type(kPass, "codes", x, dtype_of(pass.source_type));
    pass.source_step = source.quantized.scale;
  } else if (source.accumulators.defined()) {
    pass.source = kernels::FusedPass::Source::accumulators;
    check_type(kPass, "sums", x, DType::i32);
    if (source.middle.defined()) pass.middle = ints(source.middle);
  } else {
    check_f32(kPass, "x", x);
  }
  for (const PassStep& step : steps) pass.ops[pass.count++] = op_of(step, x, v);
  PassResult result;
  if (want_reals) {
    result.reals = into.defined() ? into : Tensor::empty(x.context(), x.shape());
    check_f32(kPass, "into", result.reals);
    check_values(kPass, result.reals, x);
    pass.reals = out(result.reals);
  }
  if (quantizer) {
    pass.quantizer = quantizer_of(kPass, *quantizer);
    const kernels::IntegerRange range{quantizer->lo, quantizer->hi};
    result.quantized = QuantizedTensor::empty(x.context(), x.shape(), quantizer->scale, range);
    pass.quantized = result.quantized.data.device_data<void>();
    pass.quantized_type = range.type();
  }
  x.backend().integer.fused_pass(x.exec(), v, pass);
  return result;
}

}  // namespace gsx
