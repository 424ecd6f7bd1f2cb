// Running an integer program, and what it takes.
#include "models/integer.h"

#include <algorithm>
#include <utility>

#include "engine/profile_scope.h"

namespace gsx {

// A value while the program runs.
struct IntegerProgram::Slot {
  Tensor tensor;      // real values, quantised values or sums
  Tensor statistics;  // of sums, where a norm asks
  NormLine line;
  std::optional<QuantizedConvolution> bands;  // instead of sums: what makes them band by band
};

namespace {

kernels::IntegerRange range_of(const QuantRange& grid) { return {grid.lo, grid.hi}; }

PassSource source_of(const IntegerValue& value, const Tensor& tensor) {
  PassSource source;
  switch (value.kind) {
    case IntegerValue::Kind::quantized:
      source.quantized = {tensor, value.grid.scale, range_of(value.grid)};
      break;
    case IntegerValue::Kind::accumulators: source.accumulators = tensor; break;
    default: source.reals = tensor;
  }
  return source;
}

// Bytes of a channel's exact sums, and of what a norm makes of them.
constexpr double kStatistics = 24, kLine = 12;

double storage_bytes(const Shape& s, size_t element) {
  const double pixels = static_cast<double>(s.numel()) / static_cast<double>(s[1]);
  const int c = static_cast<int>(s[1]);
  return pixels * (s.rank() == 4 ? kernels::channel_stride(c) : c) * static_cast<double>(element);
}

}  // namespace

Tensor IntegerValue::real() const {
  if (kind == Kind::real) return tensor;
  std::vector<PassStep> steps;
  if (kind == Kind::accumulators) {
    steps.emplace_back();
    steps.back().op.kind = kernels::PassOp::Kind::affine;
    steps.back().a = scales;
    steps.back().b = bias;
  }
  return fused_pass(source_of(*this, tensor), steps, true, std::nullopt).reals;
}

void IntegerProgram::plan() {
  last_use_.assign(values_.size(), steps_.size());
  for (size_t i = 0; i < steps_.size(); ++i) {
    for (const int v : steps_[i].writes) last_use_[static_cast<size_t>(v)] = i;
    for (const int v : steps_[i].reads) last_use_[static_cast<size_t>(v)] = i;
  }
  for (const int v : outputs_) last_use_[static_cast<size_t>(v)] = steps_.size();
  std::vector<int> passes(values_.size(), 0);
  one_pass_.assign(values_.size(), fused_);
  for (const Step& step : steps_) {
    const bool norm = std::holds_alternative<Norm>(step.what);
    const bool pass = std::holds_alternative<Elementwise>(step.what);
    for (size_t i = 0; i < step.reads.size(); ++i) {
      const auto v = static_cast<size_t>(step.reads[i]);
      const bool first = i == 0 && (norm || (pass && ++passes[v] == 1));
      one_pass_[v] = one_pass_[v] && first;
    }
  }
}

// Whether a convolution leaves its sums to the pass that reads them.
bool IntegerProgram::goes_by_bands(const Step& step, const kernels::ConvShape& shape) const {
  return std::get<Convolve>(step.what).weights.defined() &&
         one_pass_[static_cast<size_t>(step.writes[0])] && band_bytes(shape) > 0;
}

IntegerValue IntegerProgram::seen(int value, const Slot& slot) const {
  IntegerValue v = values_[static_cast<size_t>(value)];
  v.tensor = slot.tensor;
  return v;
}

std::vector<Tensor> IntegerProgram::run(std::vector<Tensor> xs, const IntegerObserver& observer,
                                        bool by_bands) const {
  const NoGrad no_grad;
  GSX_CHECK(xs.size() == inputs_.size(), "integer program: ", architecture_, " takes ",
            inputs_.size(), " inputs, got ", xs.size());
  std::vector<Slot> slots(values_.size());
  for (size_t i = 0; i < xs.size(); ++i)
    slots[static_cast<size_t>(inputs_[i])].tensor = std::exchange(xs[i], {});
  const auto show = [&](int value) {
    for (size_t node = 0; node < node_values_.size() && observer; ++node)
      if (node_values_[node] == value)
        observer(static_cast<int>(node), seen(value, slots[static_cast<size_t>(value)]));
  };
  for (const int v : inputs_) show(v);
  for (size_t i = 0; i < steps_.size(); ++i) {
    const Step& step = steps_[i];
    {
      const ProfileScope span([&] { return architecture_ + "/" + step.name; });
      run_step(i, slots, by_bands && !observer);
    }
    for (const int v : step.writes) show(v);
    for (const auto* list : {&step.reads, &step.writes})
      for (const int v : *list)
        if (last_use_[static_cast<size_t>(v)] == i) slots[static_cast<size_t>(v)] = {};
  }
  std::vector<Tensor> results;
  for (const int v : outputs_) results.push_back(slots[static_cast<size_t>(v)].tensor);
  return results;
}

void IntegerProgram::run_step(size_t index, std::vector<Slot>& slots, bool by_bands) const {
  const Step& step = steps_[index];
  const auto slot = [&](int value) -> Slot& { return slots[static_cast<size_t>(value)]; };
  if (const auto* pass = std::get_if<Elementwise>(&step.what))
    return run_elementwise(index, *pass, slots);
  Slot& to = slot(step.writes[0]);
  if (const auto* call = std::get_if<Call>(&step.what)) {
    std::vector<Tensor> given;
    for (const int v : step.reads) given.push_back(slot(v).tensor);
    to.tensor = call->run(given);
    return;
  }
  Slot& in = slot(step.reads[0]);
  const IntegerValue& of = values_[static_cast<size_t>(step.reads[0])];
  if (const auto* c = std::get_if<Convolve>(&step.what)) {
    const QuantizedTensor x{in.tensor, of.grid.scale, range_of(of.grid)};
    const QuantizedConvolution made{x, c->weights, c->shape(in.tensor.shape()), c->taps};
    if (by_bands && goes_by_bands(step, made.shape)) to.bands = made;
    else to.tensor = convolve_quantized(made, c->statistics ? &to.statistics : nullptr);
  } else if (const auto* norm = std::get_if<Norm>(&step.what)) {
    to.line = in.bands ? norm_of_bands(*in.bands, of.scales, norm->spec)
              : of.kind == IntegerValue::Kind::accumulators
                  ? norm_of_sums(in.tensor, in.statistics, of.scales, norm->spec)
                  : norm_of_reals(in.tensor, norm->spec);
  }
}

// Real values go where sums lay that nobody needs any more, observers among them.
bool IntegerProgram::writes_over_sums(size_t index) const {
  const int source = steps_[index].reads[0];
  return fused_ && values_[static_cast<size_t>(source)].kind == IntegerValue::Kind::accumulators &&
         last_use_[static_cast<size_t>(source)] == index;
}

void IntegerProgram::run_elementwise(size_t index, const Elementwise& pass,
                                     std::vector<Slot>& slots) const {
  const auto slot = [&](int value) -> Slot& { return slots[static_cast<size_t>(value)]; };
  const int from = steps_[index].reads[0];
  PassSource source = source_of(values_[static_cast<size_t>(from)], slot(from).tensor);
  if (pass.line >= 0) source.middle = slot(pass.line).line.middle;
  std::vector<PassStep> steps;
  for (const Elementwise::Op& op : pass.ops) {
    steps.push_back(op.step);
    if (op.line >= 0) {
      const NormLine& line = slot(op.line).line;
      const bool centre = op.step.op.kind == kernels::PassOp::Kind::centre;
      steps.back().a = centre ? line.middle : line.slope;
      if (!centre) steps.back().b = line.shift;
    }
    if (op.other >= 0) steps.back().other = slot(op.other).tensor;
  }
  const std::optional<QuantizedConvolution>& bands = slot(from).bands;
  const bool over = pass.reals >= 0 && !bands && writes_over_sums(index);
  PassResult made =
      bands ? pass_of_bands(*bands, source.middle, steps, pass.reals >= 0, pass.quantizer)
            : fused_pass(source, steps, pass.reals >= 0, pass.quantizer,
                         over ? source.accumulators.retyped(DType::f32) : Tensor{});
  if (pass.reals >= 0) slot(pass.reals).tensor = made.reals;
  if (pass.quantized >= 0) slot(pass.quantized).tensor = made.quantized.data;
}

double IntegerProgram::planned_bytes(const std::vector<Shape>& inputs, bool by_bands) const {
  std::vector<Shape> shapes(values_.size());
  std::vector<double> bytes(values_.size(), 0.0);
  std::vector<double> band(values_.size(), 0.0);  // of sums that are never all there
  std::vector<size_t> last_use = last_use_;
  double held = 0, most = 0;
  const auto at = [](int v) { return static_cast<size_t>(v); };
  const auto add = [&](int v, double more) {
    bytes[at(v)] += more;
    held += more;
  };
  const auto hold = [&](int v, const Shape& shape) {
    const IntegerValue& value = values_[at(v)];
    shapes[at(v)] = shape;
    const bool quantized = value.kind == IntegerValue::Kind::quantized;
    add(v, storage_bytes(
               shape, quantized ? kernels::size_of(range_of(value.grid).type()) : sizeof(float)));
  };
  for (size_t i = 0; i < inputs.size(); ++i) hold(inputs_.at(i), inputs[i]);
  most = held;
  for (size_t i = 0; i < steps_.size(); ++i) {
    const Step& step = steps_[i];
    std::vector<Shape> in;
    for (const int v : step.reads) in.push_back(shapes[at(v)]);
    double meanwhile = 0;
    if (const auto* c = std::get_if<Convolve>(&step.what)) {
      const kernels::ConvShape shape = c->shape(in[0]);
      const kernels::View y = shape.y();
      const int sums = step.writes[0];
      if (by_bands && goes_by_bands(step, shape)) {
        shapes[at(sums)] = {y.n, y.c, y.h, y.w};
        band[at(sums)] = band_bytes(shape) + kStatistics * y.n * y.cs;
        last_use[at(step.reads[0])] = std::max(last_use[at(step.reads[0])], last_use[at(sums)]);
      } else {
        hold(sums, {y.n, y.c, y.h, y.w});
        if (c->statistics) add(sums, kStatistics * y.n * y.cs);
      }
    } else if (const auto* call = std::get_if<Call>(&step.what)) {
      hold(step.writes[0], call->shape(in));
    } else if (std::holds_alternative<Norm>(step.what)) {
      const int channels = kernels::channel_stride(static_cast<int>(in[0][1]));
      shapes[at(step.writes[0])] = in[0];
      add(step.writes[0], kLine * static_cast<double>(in[0][0]) * channels);
      meanwhile = band[at(step.reads[0])];
    } else {
      for (const int v : step.writes) hold(v, in[0]);
      const int reals = std::get<Elementwise>(step.what).reals;
      meanwhile = band[at(step.reads[0])];
      if (reals >= 0 && meanwhile == 0 && writes_over_sums(i)) {
        const double accumulators = storage_bytes(in[0], sizeof(float));
        add(step.reads[0], -accumulators);
      }
    }
    most = std::max(most, held + meanwhile);
    for (size_t v = 0; v < values_.size(); ++v) {
      const bool given =
          std::find(inputs_.begin(), inputs_.end(), static_cast<int>(v)) != inputs_.end();
      if (last_use[v] != i || (given && !by_bands)) continue;  // whoever gave it keeps it
      held -= bytes[v];
      bytes[v] = 0;
    }
  }
  return most;
}

}  // namespace gsx
