// Operations of the integer program: check shapes and ranges, allocate, call the device's table.
#include "engine/integer.h"

#include <algorithm>

#include "engine/ops/common.h"

namespace gsx {
using namespace ops;

namespace {

constexpr int64_t kMostSum = int64_t{1} << 30;

kernels::View view_of(const Tensor& t) {
  if (t.layout() == Layout::image) return t.view();
  const int n = static_cast<int>(t.dim(0)), c = static_cast<int>(t.dim(1));
  return {n, 1, 1, c, c};
}

void check_type(const char* op, const char* argument, const Tensor& t, DType type) {
  GSX_CHECK(t.defined() && t.dtype() == type, op, ": ", argument, " must be ", type, ", got ",
            t.defined() ? "another type" : "an undefined tensor");
}

void check_values(const char* op, const Tensor& t, const Tensor& like) {
  const bool vectors = t.layout() == Layout::dense && t.shape().rank() == 2;
  GSX_CHECK(t.layout() == Layout::image || vectors, op,
            ": x must be an image N C H W or vectors [N, C], got shape ", t.shape());
  GSX_CHECK(t.shape() == like.shape() && t.layout() == like.layout(), op,
            ": all values must have shape ", like.shape(), ", got ", t.shape());
}

kernels::Codes codes_of(const CodeTensor& x) {
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

DType dtype_of(kernels::CodeType t) {
  switch (t) {
    case kernels::CodeType::u8: return DType::u8;
    case kernels::CodeType::s8: return DType::s8;
    default: return DType::s16;
  }
}

CodeTensor CodeTensor::empty(const ContextPtr& context, const Shape& shape, float scale,
                             kernels::CodeRange range) {
  return {Tensor::empty(context, shape, dtype_of(range.type())), scale, range};
}

PrepackedWeights prepack(const Tensor& codes, const kernels::ConvShape& layout) {
  check_type("prepack", "codes", codes, DType::s8);
  const kernels::FilterView f = codes.filter_view();
  GSX_CHECK(f.k == layout.w.k && f.c == layout.w.c && f.r == layout.w.r && f.s == layout.w.s,
            "prepack: the layout must be of a filter of shape ", codes.shape());
  const auto host = codes.read_storage<int8_t>();
  const std::vector<int8_t> packed = codes.backend().conv.pack_codes(layout, host.data());
  Tensor data =
      Tensor::empty(codes.context(), Shape{static_cast<int64_t>(packed.size())}, DType::s8);
  data.write_storage<int8_t>(packed);
  return {data, layout};
}

Tensor unpack(const PrepackedWeights& w) {
  check_type("unpack", "weights", w.data, DType::s8);
  const kernels::FilterView& f = w.layout.w;
  Tensor codes =
      Tensor::empty(w.data.context(), Shape{f.k, f.c, f.r, f.s}, Layout::filter, DType::s8);
  std::vector<int8_t> host(static_cast<size_t>(f.size()));
  w.data.backend().conv.unpack_codes(w.layout, w.data.read_storage<int8_t>().data(), host.data());
  codes.write_storage<int8_t>(host);
  return codes;
}

Tensor convolve_codes(const CodeTensor& x, const PrepackedWeights& w,
                      const kernels::ConvShape& shape, const TapCodes& taps, Tensor* statistics) {
  constexpr const char* kOp = "convolve_codes";
  check_type(kOp, "x", x.data, dtype_of(x.range.type()));
  const kernels::View v = x.data.view(), y_view = shape.y();
  const ContextPtr& context = x.data.context();
  const kernels::Backend& backend = x.data.backend();
  const Shape y_shape{y_view.n, y_view.c, y_view.h, y_view.w};
  GSX_CHECK(v.n == shape.x.n && v.h == shape.x.h && v.w == shape.x.w, kOp,
            ": x must have the shape's size, got ", x.data.shape());
  const bool early = statistics && w.defined() && !taps.codes.defined();
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
    backend.conv.forward_codes(x.data.exec(), shape, codes_of(x), w.data.device_data<int8_t>(),
                               ints(y), early ? sums_in(*statistics) : kernels::ExactSums{});
  } else {
    y = Tensor::zeros(context, y_shape, DType::i32);
  }
  if (taps.codes.defined()) {
    check_type(kOp, "taps", taps.codes, DType::i32);
    const bool all = taps.kind == kernels::TapBias::per_tap;
    GSX_CHECK(taps.codes.numel() == int64_t{y_view.c} * (all ? shape.w.r * shape.w.s : 1), kOp,
              ": taps must hold a number per output channel", all ? " and tap" : "", ", got ",
              taps.codes.numel());
    backend.integer.add_taps(x.data.exec(), shape, taps.kind, ints(taps.codes), ints(y));
  }
  if (statistics && !early)
    backend.integer.exact_sums(x.data.exec(), y_view, ints(y), sums_in(*statistics));
  return y;
}

NormLine norm_of_sums(const Tensor& sums, const Tensor& statistics, const Tensor& scales,
                      const NormSpec& spec) {
  constexpr const char* kOp = "norm_of_sums";
  check_type(kOp, "sums", sums, DType::i32);
  const kernels::View v = sums.view();
  GSX_CHECK(scales.defined() && scales.numel() >= v.c, kOp, ": scales must hold ", v.c,
            " numbers, one per channel of ", sums.shape());
  const kernels::NormParameters parameters = parameters_of(kOp, spec, sums);
  Tensor taken = statistics;
  if (!taken.defined()) {
    taken = room_for_sums(sums.context(), v);
    sums.backend().integer.exact_sums(sums.exec(), v, ints(sums), sums_in(taken));
  }
  const NormLine line = line_for(sums, DType::i32);
  sums.backend().integer.norm_of_integers(sums.exec(), v, sums_in(taken), in(scales), parameters,
                                          raw(line));
  return line;
}

NormLine norm_of_reals(const Tensor& x, const NormSpec& spec) {
  check_image("norm_of_reals", "x", x);
  const kernels::NormParameters parameters = parameters_of("norm_of_reals", spec, x);
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
  return reals.defined() ? reals : sums.defined() ? sums : codes.data;
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
  if (source.codes.data.defined()) {
    pass.source = kernels::FusedPass::Source::codes;
    pass.code_type = source.codes.range.type();
    check_type(kPass, "codes", x, dtype_of(pass.code_type));
    pass.code_scale = source.codes.scale;
  } else if (source.sums.defined()) {
    pass.source = kernels::FusedPass::Source::sums;
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
    const kernels::CodeRange range{quantizer->lo, quantizer->hi};
    result.codes = CodeTensor::empty(x.context(), x.shape(), quantizer->scale, range);
    pass.codes = result.codes.data.device_data<void>();
    pass.codes_type = range.type();
  }
  x.backend().integer.fused_pass(x.exec(), v, pass);
  return result;
}

}  // namespace gsx
