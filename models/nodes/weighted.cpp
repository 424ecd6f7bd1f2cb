// The shared part of convolutions, transposed convolutions and linear layers; see weighted.h.
#include "models/nodes/weighted.h"

#include "kernels/backend.h"

namespace gsx::nodes {

namespace {

// A weight whose quantised values a test has chosen: quantised values * scale, gradient 1 (Eq. 10).
Tensor forced_weight(const Tensor& w, const Tensor& scales, const std::vector<float>& quantized,
                     const std::string& name) {
  GSX_CHECK(static_cast<int64_t>(quantized.size()) == w.numel(), "run: ", quantized.size(),
            " weight codes are forced on node ", name, ", which has ", w.numel(), " weights");
  const std::vector<float> s = scales.to_vector();
  const size_t per_output = quantized.size() / static_cast<size_t>(w.dim(0));
  std::vector<float> values(quantized.size());
  for (size_t i = 0; i < quantized.size(); ++i) {
    values[i] = quantized[i] * s[s.size() == 1 ? 0 : i / per_output];
  }
  return record(Tensor::from(w.context(), values, w.shape(), w.layout()), "forced_weight", {w},
                [](const Tensor& gy, Grads& grads) {
                  if (grads.wants(0)) grads.add(0, gy);
                });
}

}  // namespace

Weighted::Weighted(std::string n, std::vector<int> input_nodes, int in, int out, int r, int s,
                   bool bias, bool matrix, bool file_transposed, int groups)
    : in_(in), out_(out), r_(r), s_(s), matrix_(matrix) {
  name = std::move(n);
  inputs = std::move(input_nodes);
  GSX_CHECK(groups >= 1 && in % groups == 0 && out % groups == 0, "graph: the groups of node ",
            name, " must divide its ", in, " input and ", out, " output channels, got ", groups);
  weight_ = {name + ".weight", Role::weight, {}, {}, file_transposed, groups};
  weight_.shape = weight_shape();
  bias_ = {name + ".bias", Role::bias, bias ? Shape{out} : Shape{}, {}, false};
  tap_bias_ = {name + ".tap_bias", Role::tap_bias, Shape{}, {}, false};
  weight_scale_ = {name + ".weight_scale", Role::weight_scale, Shape{}, {}, false};
  scale_ = {name + ".inserted_scale", Role::gamma, Shape{}, {}, false};
  left_ = {name + ".weight_u", Role::singular, Shape{}, {}, false};
  right_ = {name + ".weight_v", Role::singular, Shape{}, {}, false};
}

Shape Weighted::weight_shape() const {
  if (in_ == 0) return {};
  return matrix_ ? Shape{out_, in_} : Shape{out_, group_in(), r_, s_};
}

std::vector<Parameter*> Weighted::parameters() {
  std::vector<Parameter*> result;
  for (Parameter* p : {&weight_, &bias_, &tap_bias_, &weight_scale_, &scale_, &left_, &right_}) {
    if (present(*p)) result.push_back(p);
  }
  return result;
}

void Weighted::set_weight_quant(const std::optional<WeightQuant>& quant) {
  quant_ = quant;
  weight_scale_.shape = {};
  weight_scale_.value = {};
}

void Weighted::freeze_weight_scale() {
  if (!quant_ || !present(weight_)) return;
  weight_scale_.shape = Shape{quant_->per_channel ? out_ : 1};
  if (!weight_.value.defined()) return;
  const NoGrad no_grad;
  weight_scale_.value = weight_scales(scaled(weight_), *quant_);
}

Tensor Weighted::current_scales() const {
  if (weight_scale_.value.defined()) return weight_scale_.value;
  const NoGrad no_grad;
  return weight_scales(scaled(weight_), *quant_);
}

Tensor Weighted::effective_weight(const RunOptions& options) const {
  if (packed_.defined()) return real_weight();
  if (options.training && right_.value.defined())
    power_iteration(weight_.value, left_.value, right_.value);
  const Tensor w = scaled(weight_);
  if (!quant_) return w;
  if (options.forced) {
    const auto forced = options.forced->weights.find(name);
    if (forced != options.forced->weights.end()) {
      const Tensor scales = options.training ? weight_scales(w, *quant_) : current_scales();
      return forced_weight(w, scales, forced->second, name);
    }
  }
  if (options.training || !weight_scale_.value.defined()) return fake_quantize_weight(w, *quant_);
  return fake_quantize_weight(w, *quant_, weight_scale_.value);
}

Tensor Weighted::effective_bias() const {
  const bool plain_tap = tap_bias_.shape.rank() == 1;
  const Tensor bias = scaled(bias_);
  if (!plain_tap) return bias;
  return bias.defined() ? gsx::add(bias, scaled(tap_bias_)) : scaled(tap_bias_);
}

Tensor Weighted::plane_bias() const {
  return tap_bias_.shape.rank() == 4 ? scaled(tap_bias_) : Tensor{};
}

Tensor Weighted::quantized_weights() const {
  if (packed_.defined()) return unpack(packed_);
  const NoGrad no_grad;
  const Tensor w = scaled(weight_);
  const Tensor scales = current_scales();
  Tensor quantized = Tensor::empty(w.context(), w.shape(), w.layout(), DType::s8);
  kernels::ChannelBlocks blocks{1, out_, out_, in_};  // matrices: rows of in_
  if (!matrix_) {
    const kernels::FilterView v = w.filter_view();
    blocks = {int64_t{v.r} * v.s * v.c, v.k, v.ks, 1};
  }
  w.backend().integer.quantized_weights(w.exec(), blocks, scales.numel() > 1, w.device_data(),
                                        scales.device_data(), quantized.device_data<int8_t>());
  if (!matrix_) return quantized;
  const auto rows = quantized.read_storage<int8_t>();
  Tensor filter = Tensor::empty(w.context(), Shape{out_, in_, 1, 1}, Layout::filter, DType::s8);
  const kernels::FilterView v = filter.filter_view();
  std::vector<int8_t> columns(static_cast<size_t>(v.size()), 0);
  for (int64_t o = 0; o < out_; ++o)
    for (int64_t i = 0; i < in_; ++i) columns[i * v.ks + o] = rows[o * in_ + i];
  filter.write_storage<int8_t>(columns);
  return filter;
}

PrepackedWeights Weighted::prepacked() const {
  return packed_.defined() ? packed_ : gsx::prepack(quantized_weights(), packing_shape());
}

void Weighted::prepack() {
  if (!quant_ || constant_input() || !weight_.value.defined()) return;
  fold_scale();
  if (!weight_scale_.value.defined()) freeze_weight_scale();
  packed_ = prepacked();
  weight_.value = {};
}

Tensor Weighted::real_weight() const {
  const std::vector<float> quantized = quantized_weights().to_vector();
  const std::vector<float> s = weight_scale_.value.to_vector();
  const size_t per_output = quantized.size() / static_cast<size_t>(out_);
  std::vector<float> values(quantized.size());
  for (size_t i = 0; i < quantized.size(); ++i)
    values[i] = quantized[i] * s[s.size() == 1 ? 0 : i / per_output];
  return Tensor::from(packed_.data.context(), values, weight_.shape,
                      matrix_ ? Layout::dense : Layout::filter);
}

void Weighted::unpack_weight() {
  if (!packed_.defined()) return;
  weight_.value = real_weight();
  packed_ = {};
}

void Weighted::forget_values() {
  for (Parameter* p : parameters()) p->value = {};
  packed_ = {};
}

int Weighted::convolve(Lowering& to, int quantized,
                       std::function<kernels::ConvShape(const Shape&)> shape) const {
  const QuantRange& grid = to.grid(quantized);
  const int64_t most = std::max(-grid.lo, grid.hi);
  GSX_CHECK(int64_t{group_in()} * taps() * 127 * most < int64_t{1} << 30, kind(), ": node ", name,
            " sums too many codes for the integer program, ", group_in(), " channels of ", taps(),
            " taps");
  const std::vector<float> scales = sum_scales(grid.scale);
  IntegerProgram::Convolve step;
  if (!constant_input()) step.weights = prepacked();
  const std::vector<int32_t> added = quantized_taps(scales);
  if (!added.empty()) {
    step.taps.quantized =
        Tensor::empty(to.context(), Shape{static_cast<int64_t>(added.size())}, DType::i32);
    step.taps.quantized.write_storage<int32_t>(added);
    step.taps.kind =
        plane_bias().defined() ? kernels::TapBias::per_tap : kernels::TapBias::everywhere;
  }
  step.shape = std::move(shape);
  return to.convolve(quantized, std::move(step), scales,
                     bias_.value.defined() ? scaled(bias_).to_vector() : std::vector<float>{});
}

std::vector<float> Weighted::sum_scales(float input_scale) const {
  std::vector<float> s(static_cast<size_t>(out_), input_scale);
  if (constant_input() && !weight_scale_.value.defined()) return s;
  const std::vector<float> w = current_scales().to_vector();
  for (size_t k = 0; k < s.size(); ++k) s[k] = w[w.size() == 1 ? 0 : k] * input_scale;
  return s;
}

std::vector<int32_t> Weighted::quantized_taps(const std::vector<float>& s) const {
  if (!tap_bias_.value.defined()) return {};
  const std::vector<float> t = scaled(tap_bias_).to_vector();
  std::vector<int32_t> quantized(t.size(), 0);
  const size_t per_output = t.size() / static_cast<size_t>(out_);
  for (size_t i = 0; i < t.size(); ++i) {
    const double step = s[i / per_output];
    if (step == 0) continue;
    const double level = std::nearbyint(static_cast<double>(t[i]) / step);
    GSX_CHECK(std::fabs(level) < 1 << 30, kind(), ": the tap bias of node ", name,
              " does not fit the integer program, got ", t[i], " with step ", step);
    quantized[i] = static_cast<int32_t>(level);
  }
  return quantized;
}

std::optional<float> Weighted::constant(int c, std::span<const std::optional<float>> in,
                                        bool gamma_zero) const {
  if (gamma_zero) return 0.0f;
  const NoGrad no_grad;
  if (tap_bias_.shape.rank() == 4 && tap_bias_.value.defined() && !all_taps_in_bounds())
    return std::nullopt;
  double sum = bias_.value.defined() ? scaled(bias_).at(c) : 0.0;
  if (tap_bias_.value.defined()) {
    const std::vector<float> t = scaled(tap_bias_).to_vector();
    const size_t per_output = t.size() / static_cast<size_t>(out_);
    for (size_t i = 0; i < per_output; ++i) sum += t[c * per_output + i];
  }
  if (constant_input()) return static_cast<float>(sum);
  // Depthwise, `in` is the one channel this one sees; else those of its group are taken.
  if (!depthwise() && groups() > 1)
    in = in.subspan(static_cast<size_t>(c / group_out() * group_in()),
                    static_cast<size_t>(group_in()));
  if (!std::all_of(in.begin(), in.end(), [](const auto& v) { return v.has_value(); })) {
    return std::nullopt;
  }
  const bool all_zero = std::all_of(in.begin(), in.end(), [](const auto& v) { return *v == 0; });
  if (!all_zero && !all_taps_in_bounds()) return std::nullopt;
  // The integer program rounds what its sums come to in its own way.
  if (!all_zero && depthwise() && quant_) return std::nullopt;
  if (!all_zero && !weight_.value.defined()) return *in[0];  // some constant
  if (!all_zero) {
    const std::vector<float> w = effective_weight({}).to_vector();
    const size_t per_tap = taps();
    for (size_t i = 0; i < in.size() * per_tap; ++i) {
      sum += static_cast<double>(w[c * in.size() * per_tap + i]) * *in[i / per_tap];
    }
  }
  return static_cast<float>(sum);
}

Json Weighted::weighted_attributes() const {
  Json json = {{"in", in_}, {"out", out_}, {"bias", present(bias_)}};
  if (groups() > 1) json["groups"] = groups();
  if (present(scale_)) json["inserted_scale"] = true;
  if (present(right_)) json["spectral_norm"] = true;
  if (present(tap_bias_)) json["tap_bias"] = tap_bias_.shape.rank() == 4 ? "taps" : "sum";
  if (quant_) {
    json["weights"] = {{"grid", name_of(kGridNames, quant_->grid)},
                       {"per_channel", quant_->per_channel},
                       {"stored_scale", present(weight_scale_)}};
    if (quant_->bits != 8) json["weights"]["bits"] = quant_->bits;
  }
  return json;
}

void Weighted::read_weighted_attributes(const Attributes& a) {
  if (a.has("inserted_scale") && a.boolean("inserted_scale")) {
    GSX_CHECK(takes_scale(), "model file: node ", name, " cannot have an inserted scale");
    scale_.shape = Shape{out_};
  }
  if (a.has("spectral_norm") && a.boolean("spectral_norm")) take_spectral_norm();
  if (a.has("tap_bias")) set_tap_bias(a.choice("tap_bias", {"taps", "sum"}) == 0);
  if (!a.has("weights")) return;
  const Attributes quant = a.object("weights");
  quant_ = WeightQuant{static_cast<QuantGrid>(quant.choice("grid", kGridNames)),
                       quant.boolean("per_channel"),
                       quant.has("bits") ? quant.integer("bits", 4, 4) : 8};
  if (quant.boolean("stored_scale")) weight_scale_.shape = Shape{quant_->per_channel ? out_ : 1};
}

void Weighted::set_tap_bias(bool per_tap) {
  GSX_CHECK(!per_tap || !matrix_, "model file: node ", name, " cannot have a bias per tap");
  tap_bias_.shape = per_tap ? Shape{out_, 1, r_, s_} : Shape{out_};
}

}  // namespace gsx::nodes
