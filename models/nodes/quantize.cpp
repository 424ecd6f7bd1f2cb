// quantize: fake-quantises activations while training; makes the quantised values of the integer
// program.
#include "kernels/backend.h"
#include "models/nodes/common.h"

namespace gsx {

namespace {

kernels::Quantizer quantizer(const QuantRange& r) {
  return {r.scale,    1.0f / r.scale, static_cast<float>(r.lo), static_cast<float>(r.hi),
          r.clamp_lo, r.clamp_hi};
}

// Quantised values a test has chosen: their values, with the gradient mask of the real input (Eq.
// 9).
Tensor forced_values(const Tensor& x, const QuantRange& range, const std::vector<float>& quantized,
                     const std::string& name) {
  GSX_CHECK(static_cast<int64_t>(quantized.size()) == x.numel(), "run: ", quantized.size(),
            " codes are forced on node ", name, ", which has ", x.numel(), " values");
  std::vector<float> values(quantized), mask = x.to_vector();
  for (float& v : values) v *= range.scale;
  for (float& v : mask) v = v >= range.clamp_lo && v <= range.clamp_hi ? 1.0f : 0.0f;
  const Tensor inside = Tensor::from(x.context(), mask, x.shape());
  return record(Tensor::from(x.context(), values, x.shape()), "forced_codes", {x},
                [inside](const Tensor& gy, Grads& grads) {
                  if (grads.wants(0)) grads.add(0, mul(gy, inside));
                });
}

}  // namespace

Quantize::Quantize(std::string n, int input, QuantGrid g, float range, bool with_sign)
    : grid(g), p(range), is_signed(with_sign) {
  name = std::move(n);
  inputs = {input};
}

QuantRange Quantize::range() const {
  return of_file ? *of_file : activation_range(grid, p, is_signed);
}

NodePtr Quantize::clone() const { return nodes::cloned(*this); }

Json Quantize::attributes() const {
  if (of_file)
    return {{"step", nodes::shortest(of_file->scale)}, {"lo", of_file->lo}, {"hi", of_file->hi}};
  return {{"grid", nodes::name_of(nodes::kGridNames, grid)},
          {"p", nodes::shortest(p)},
          {"signed", is_signed}};
}

Shape Quantize::infer_shape(std::span<const Shape> in) const {
  return nodes::only_input(*this, in);
}

Tensor Quantize::run(std::span<const Tensor> in, const RunOptions& options) const {
  if (options.forced) {
    const auto forced = options.forced->activations.find(name);
    if (forced != options.forced->activations.end()) {
      return forced_values(in[0], range(), forced->second, name);
    }
  }
  return fake_quantize(in[0], range());
}

int Quantize::lower(Lowering& to, std::span<const int> in) const {
  return to.quantize(in[0], range());
}

std::optional<float> Quantize::constant(int, std::span<const std::optional<float>> in, bool) const {
  if (!in[0]) return std::nullopt;
  return kernels::scalar::quantize(*in[0], quantizer(range()));
}

bool Quantize::append_to(NormOptions& tail) const {
  if (tail.quantize) return false;
  tail.quantize = range();
  return true;
}

NodePtr make_quantize(std::string name, int input, QuantGrid grid, float p, bool is_signed) {
  return std::make_unique<Quantize>(std::move(name), input, grid, p, is_signed);
}

namespace nodes {

NodePtr quantize_from(std::string name, std::vector<int> inputs, const Json& json) {
  const Attributes a(name, json);
  if (a.has("step")) {
    auto node = std::make_unique<Quantize>(name, 0, QuantGrid::int8, 4.0f, false);
    const float step = a.positive("step");
    const int lo = a.integer("lo", -255, 0), hi = a.integer("hi", 0, lo + 255);
    node->of_file =
        QuantRange{step, lo, hi, step * static_cast<float>(lo), step * static_cast<float>(hi)};
    node->inputs = std::move(inputs);
    return node;
  }
  const auto grid = static_cast<QuantGrid>(a.choice("grid", kGridNames));
  auto node = std::make_unique<Quantize>(name, 0, grid, a.positive("p"), a.boolean("signed"));
  node->inputs = std::move(inputs);
  return node;
}

}  // namespace nodes
}  // namespace gsx
