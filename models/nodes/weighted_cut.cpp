// Cutting channels out of a weight, folding what the dropped inputs were worth (DESIGN 5.4).
#include "models/nodes/weighted.h"

namespace gsx::nodes {

namespace {

// A sum of fewer steps than this reads back exactly from a float.
constexpr double kExactSteps = 1 << 22;

std::vector<float> picked(const std::vector<float>& values, const std::vector<int>& keep,
                          size_t each) {
  std::vector<float> result;
  for (const int k : keep) {
    result.insert(result.end(), values.begin() + k * each, values.begin() + (k + 1) * each);
  }
  return result;
}

void check_kept(const std::vector<int>& keep, int channels, const std::string& name) {
  int last = -1;
  for (const int k : keep) {
    GSX_CHECK(k > last && k < channels, "cut: the kept channels of node ", name,
              " must ascend below ", channels, ", got ", k);
    last = k;
  }
}

}  // namespace

void Weighted::set_values(Parameter& p, const Shape& shape, const std::vector<float>& values) {
  const Tensor like =
      p.value.defined() ? p.value : weight_.value;  // a new tap bias takes after its weight
  const bool trained = like.requires_grad();
  p.shape = shape;
  const bool filter = shape.rank() == 4;
  p.value = Tensor::from(like.context(), values, shape, filter ? Layout::filter : Layout::dense);
  if (trained && is_trained(p.role)) p.value.set_requires_grad(true);
}

// What the dropped input channels add per output channel and tap, in steps of scale[k] (1 when the
// layer is not quantised): [keep_output, taps].
std::vector<double> Weighted::dropped_sums(const ChannelCut& cut) const {
  const size_t per_tap = taps();
  const bool steps = quant_.has_value() && cut.step > 0;
  const std::vector<float> w = (quant_ ? quantized_weights() : weight_.value).to_vector();
  std::vector<bool> kept(in_, false);
  for (const int c : cut.keep_inputs[0]) kept[c] = true;
  std::vector<double> sums(cut.keep_output.size() * per_tap, 0.0);
  for (int c = 0; c < in_; ++c) {
    if (kept[c] || depthwise()) continue;  // depthwise outputs have lost all they saw, or nothing
    double value = cut.input_constants.at(0).at(c);
    if (value == 0) continue;
    if (steps) value = std::nearbyint(value / cut.step);
    for (size_t k = 0; k < cut.keep_output.size(); ++k) {
      const int output = cut.keep_output[k];
      if (output / group_out() != c / group_in()) continue;
      const float* row = &w[(static_cast<size_t>(output) * group_in() + c % group_in()) * per_tap];
      for (size_t t = 0; t < per_tap; ++t) sums[k * per_tap + t] += row[t] * value;
    }
  }
  return sums;
}

// Adds the dropped channels' sums, now that all parameters hold the kept outputs only: per tap
// where some output pixels miss taps, else as one number per channel. Quantised layers keep that
// number apart from their bias, so that the integer program adds it to its sums exactly.
void Weighted::fold(const std::vector<double>& sums, float step) {
  if (std::all_of(sums.begin(), sums.end(), [](double s) { return s == 0; })) return;
  const size_t per_tap = taps(), outputs = sums.size() / per_tap;
  std::vector<double> totals(outputs, 0.0);
  double largest = 0;
  for (size_t i = 0; i < sums.size(); ++i) totals[i / per_tap] += sums[i];
  for (const double t : totals) largest = std::max(largest, std::fabs(t));

  std::vector<float> unit(outputs, 1.0f);
  if (quant_) {
    const std::vector<float> s = weight_scale_.value.to_vector();
    for (size_t k = 0; k < outputs; ++k) unit[k] = s[s.size() == 1 ? 0 : k] * (step > 0 ? step : 1);
  }
  const bool taps_apart = !all_taps_in_bounds() || tap_bias_.shape.rank() == 4 ||
                          (quant_ && !matrix_ && largest >= kExactSteps);
  Parameter& target = taps_apart || quant_ ? tap_bias_ : bias_;
  const size_t each = taps_apart ? per_tap : 1;
  std::vector<float> values(outputs * each, 0.0f);
  if (present(target)) {
    const std::vector<float> before = target.value.to_vector();
    const size_t each_before = before.size() / outputs;  // a [K] form goes to any one tap
    for (size_t i = 0; i < before.size(); ++i) {
      values[i / each_before * each + i % each_before] = before[i];
    }
  }
  const std::vector<double>& added = taps_apart ? sums : totals;
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(values[i] + added[i] * unit[i / each]);
  }
  set_values(target, taps_apart ? Shape{out_, 1, r_, s_} : Shape{out_}, values);
}

void Weighted::drop_shifts() {
  for (Parameter* p : {&bias_, &tap_bias_}) {
    if (p->shape.rank() != 1) continue;  // taps out of bounds make a pattern, not a shift
    p->shape = {};
    p->value = {};
  }
}

// The kept input channels of a group, counted from its first; every group must keep the same.
std::vector<int> Weighted::kept_of_group(const std::vector<int>& keep_in, int group) const {
  std::vector<int> kept;
  for (const int c : keep_in)
    if (c / group_in() == group) kept.push_back(c % group_in());
  return kept;
}

void Weighted::cut(const ChannelCut& cut) {
  unpack_weight();
  settle_scale();  // before constants are added to biases
  const std::vector<int>& keep_in = cut.keep_inputs.at(0);
  const std::vector<int>& keep_out = cut.keep_output;
  check_kept(keep_in, in_, name);
  check_kept(keep_out, out_, name);
  GSX_CHECK(!keep_out.empty(), "cut: node ", name, " must keep an output channel");
  GSX_CHECK(!depthwise() || keep_in == keep_out, "cut: node ", name,
            " is depthwise and must keep the same channels on both sides");
  const std::vector<int> locals = constant_input() ? std::vector<int>{} : kept_of_group(keep_in, 0);
  for (int g = 1; g < groups() && !depthwise(); ++g) {
    const auto in_group = [&](int k) { return k / group_out() == g; };
    const auto outputs = std::count_if(keep_out.begin(), keep_out.end(), in_group);
    GSX_CHECK(kept_of_group(keep_in, g) == locals &&
                  static_cast<size_t>(outputs) * groups() == keep_out.size(),
              "cut: the ", groups(), " groups of node ", name, " must keep equally many channels");
  }
  const bool valued = weight_.value.defined();
  if (valued && quant_ && !weight_scale_.value.defined()) freeze_weight_scale();
  const std::vector<double> sums = valued ? dropped_sums(cut) : std::vector<double>{};

  for (Parameter* p : {&bias_, &tap_bias_, &weight_scale_, &scale_}) {
    if (!present(*p) || p->shape[0] != out_) continue;
    const size_t each = p->shape.numel() / out_;
    std::vector<int64_t> dims(p->shape.begin(), p->shape.end());
    dims[0] = static_cast<int64_t>(keep_out.size());
    const Shape shape(dims.begin(), dims.end());
    if (p->value.defined()) {
      set_values(*p, shape, picked(p->value.to_vector(), keep_out, each));
    }
    p->shape = shape;
  }
  std::vector<float> rows;
  if (valued) {
    const size_t per_tap = taps(), row = static_cast<size_t>(group_in()) * per_tap;
    const std::vector<float> all = weight_.value.to_vector();
    for (const int k : keep_out) {
      const std::vector<float> mine(all.begin() + k * row, all.begin() + (k + 1) * row);
      const std::vector<float> kept = depthwise() ? mine : picked(mine, locals, per_tap);
      rows.insert(rows.end(), kept.begin(), kept.end());
    }
  }
  if (depthwise() || keep_in.empty()) weight_.groups = std::max<int>(1, keep_in.size());
  in_ = static_cast<int>(keep_in.size());
  out_ = static_cast<int>(keep_out.size());
  if (valued) fold(sums, cut.step);
  const Shape shape = weight_shape();
  if (valued && in_ > 0) set_values(weight_, shape, rows);
  weight_.shape = shape;
  if (in_ == 0) weight_.value = {};
}

}  // namespace gsx::nodes
