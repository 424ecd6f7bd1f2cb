// Measures layers; see layer_figures.h.
#include "gs/eval/layer_figures.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "gs/second_input.h"
#include "models/nodes.h"

namespace gsx {

namespace {

// Sums over values and what became of them.
class Moved {
 public:
  void add(const std::vector<float>& before, const std::vector<float>& after) {
    for (size_t i = 0; i < before.size(); ++i) {
      const double by = double(after[i]) - before[i];
      signal_ += double(before[i]) * before[i];
      noise_ += by * by;
    }
  }
  void count_beyond(const std::vector<float>& values, float lo, float hi) {
    for (const float v : values) beyond_ += v < lo || v > hi;
    count_ += static_cast<int64_t>(values.size());
  }
  double snr() const {
    constexpr double kMost = 200;
    if (noise_ == 0) return kMost;
    return signal_ == 0 ? 0 : std::min(kMost, 10 * std::log10(signal_ / noise_));
  }
  double beyond() const { return count_ ? double(beyond_) / double(count_) : 0; }

 private:
  double signal_ = 0, noise_ = 0;
  int64_t beyond_ = 0, count_ = 0;
};

const Quantize* quantizer_of(const Graph& model, int layer) {
  const Node& node = model.node(layer);
  if (!node.has_weight() || node.inputs.empty()) return nullptr;
  return dynamic_cast<const Quantize*>(&model.node(node.inputs[0]));
}

// What every quantiser does to its values, by its index.
std::map<int, Moved> run_quantizers(const Graph& model, const std::vector<Tensor>& images) {
  std::map<int, Moved> moved;
  std::map<int, int> readers;  // quantisers of a node's value
  for (int i = 0; i < model.size(); ++i)
    if (dynamic_cast<const Quantize*>(&model.node(i))) ++readers[model.node(i).inputs[0]];
  if (readers.empty()) return moved;
  for (const Tensor& image : images) {
    std::map<int, std::vector<float>> values;  // until their last reader has run
    std::map<int, int> left = readers;
    RunOptions options;
    options.fused = false;  // every value is seen
    options.observer = [&](int i, const Tensor& value) {
      if (readers.count(i)) values[i] = value.to_vector();
      const auto* quantizer = dynamic_cast<const Quantize*>(&model.node(i));
      if (!quantizer) return;
      const std::vector<float>& before = values.at(quantizer->inputs[0]);
      const QuantRange range = quantizer->range();
      moved[i].add(before, value.to_vector());
      moved[i].count_beyond(before, range.clamp_lo, range.clamp_hi);
      if (--left.at(quantizer->inputs[0]) == 0) values.erase(quantizer->inputs[0]);
    };
    model.run(inputs_of(model, image), options);
  }
  return moved;
}

std::optional<double> weight_snr(const Node& layer, const Graph* unrounded) {
  const int same = unrounded ? unrounded->find(layer.name) : -1;
  if (same < 0 || !layer.weight_quant()) return std::nullopt;
  const Parameter* rounded = layer.parameter(Role::weight);
  const Parameter* real = unrounded->node(same).parameter(Role::weight);
  if (!rounded || !real || !real->value.defined() || !(rounded->shape == real->shape))
    return std::nullopt;
  Moved moved;
  moved.add(real->value.to_vector(), rounded->value.to_vector());
  return moved.snr();
}

}  // namespace

std::vector<LayerFigures> layer_figures(const Graph& model, const Graph* unrounded,
                                        const std::vector<Tensor>& images) {
  GSX_CHECK(!images.empty(), "layer_figures: images must hold at least one, got none");
  const NoGrad guard;
  const std::map<int, Moved> moved = run_quantizers(model, images);
  std::vector<LayerFigures> layers;
  for (const LayerCost& cost : model.cost(input_shapes_of(model, images[0].shape())).layers) {
    const int at = model.find(cost.name);
    LayerFigures layer;
    layer.name = cost.name;
    layer.kind = cost.kind;
    layer.kept = cost.kept;
    layer.original = cost.original;
    layer.macs = cost.macs.true_macs;
    layer.params = cost.params;
    layer.weight_bytes = cost.weight_bytes;
    layer.weight_bits = cost.weight_bits;
    if (const Quantize* q = quantizer_of(model, at)) {
      const Moved& m = moved.at(model.node(at).inputs[0]);
      layer.input = LayerFigures::Rounding{q->p, q->is_signed, m.snr(), m.beyond()};
    }
    layer.weight_snr = weight_snr(model.node(at), unrounded);
    layers.push_back(std::move(layer));
  }
  return layers;
}

Json to_json(const std::vector<LayerFigures>& layers) {
  Json list = Json::array();
  for (const LayerFigures& layer : layers) {
    Json j = {{"name", layer.name},
              {"kind", layer.kind},
              {"kept", layer.kept},
              {"original", layer.original},
              {"macs", layer.macs},
              {"params", layer.params},
              {"weight_bytes", layer.weight_bytes},
              {"weight_bits", layer.weight_bits}};
    if (layer.input) {
      j["input"] = {{"range", layer.input->range},
                    {"signed", layer.input->is_signed},
                    {"snr", layer.input->snr},
                    {"saturated", layer.input->saturated}};
    }
    if (layer.weight_snr) j["weight_snr"] = *layer.weight_snr;
    list.push_back(std::move(j));
  }
  return list;
}

}  // namespace gsx
