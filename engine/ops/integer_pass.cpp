// Passes of the integer program over single values: checks, room for results, the device's table.
#include "engine/ops/integer_parts.h"

namespace gsx {
using namespace ops;

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

void check_values(const Tensor& t, const PassPlace& place) {
  GSX_CHECK(t.layout() != Layout::filter && t.shape().rank() > 0, kPass,
            ": x must be an image or dense, got shape ", t.shape());
  GSX_CHECK(t.shape() == place.shape && t.layout() == place.layout, kPass,
            ": all values must have shape ", place.shape, ", got ", t.shape());
}

kernels::PassOp op_of(const PassStep& step, const PassPlace& place) {
  kernels::PassOp op = step.op;
  op.a = channel_numbers(step.a, op.per_image, place.view);
  op.b = channel_numbers(step.b, op.per_image, place.view);
  if (step.other.defined()) {
    check_f32(kPass, "other", step.other);
    check_values(step.other, place);
    op.other = in(step.other);
  }
  using Kind = kernels::PassOp::Kind;
  GSX_CHECK((op.kind != Kind::affine || (op.a && op.b)) && (op.kind != Kind::centre || op.a) &&
                (op.kind != Kind::add || op.other),
            kPass, ": an operation must have the numbers it works with, got none");
  return op;
}

}  // namespace

Pass ops::make_pass(const PassPlace& place, const std::vector<PassStep>& steps, bool want_reals,
                    const std::optional<QuantRange>& quantizer, const Tensor& into) {
  GSX_CHECK(steps.size() <= kernels::FusedPass::kMostOps, kPass, ": at most ",
            kernels::FusedPass::kMostOps, " operations fit one pass, got ", steps.size());
  Pass pass;
  for (const PassStep& step : steps) pass.kernel.ops[pass.kernel.count++] = op_of(step, place);
  if (want_reals) {
    Tensor& reals = pass.result.reals;
    reals = into.defined() ? into : Tensor::empty(place.context, place.shape);
    check_f32(kPass, "into", reals);
    check_values(reals, place);
    pass.kernel.reals = out(reals);
  }
  if (quantizer) {
    pass.kernel.quantizer = quantizer_of(kPass, *quantizer);
    const kernels::IntegerRange range{quantizer->lo, quantizer->hi};
    QuantizedTensor& quantized = pass.result.quantized;
    quantized = QuantizedTensor::empty(place.context, place.shape, quantizer->scale, range);
    pass.kernel.quantized = quantized.data.device_data<void>();
    pass.kernel.quantized_type = range.type();
  }
  return pass;
}

PassResult fused_pass(const PassSource& source, const std::vector<PassStep>& steps, bool want_reals,
                      const std::optional<QuantRange>& quantizer, const Tensor& into) {
  const Tensor& x = source.tensor();
  GSX_CHECK(x.defined(), kPass, ": must have values, got an undefined tensor");
  const PassPlace place{x.context(), x.shape(), x.layout(), view_of(x)};
  check_values(x, place);
  Pass made = make_pass(place, steps, want_reals, quantizer, into);
  kernels::FusedPass& pass = made.kernel;
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
  x.backend().integer.fused_pass(x.exec(), place.view, pass);
  return std::move(made.result);
}

}  // namespace gsx
