// Convolutions and linear layers in ONNX: their weights in floating point or in 8 bits, and what
// extraction folded into them, added once per tap that lies inside the image.
#include "models/export/layer.h"
#include "models/export/onnx_writer.h"

namespace gsx {

namespace {

ValueName weight_bytes(OnnxWriter& to, const ExportedLayer& layer) {
  const int zero = to.options.signed_weights ? 0 : 128;
  std::vector<uint8_t> bytes;
  for (const int level : layer.levels) bytes.push_back(static_cast<uint8_t>(level + zero));
  return to.bytes(bytes, to.options.signed_weights, layer.shape, "weight");
}

// DequantizeLinear of the weight's bytes, per output channel.
ValueName dequantized_weight(OnnxWriter& to, const ExportedLayer& layer) {
  const std::vector<uint8_t> zeros(static_cast<size_t>(layer.out),
                                   to.options.signed_weights ? 0 : 128);
  const std::vector<int64_t> channels = {layer.out};
  const ValueName bytes = weight_bytes(to, layer);
  const ValueName steps = to.floats(layer.scales, channels, "weight_scale");
  const ValueName zero = to.bytes(zeros, to.options.signed_weights, channels, "weight_zero_point");
  const ValueName weight = to.op("DequantizeLinear", {bytes, steps, zero});
  to.attribute("axis", int64_t{layer.transposed ? 1 : 0});
  return weight;
}

// Attributes of the convolution written last.
void geometry(OnnxWriter& to, const LayerGeometry& g, int64_t groups) {
  to.attribute("kernel_shape", g.kernel);
  to.attribute("strides", g.stride);
  to.attribute("dilations", g.dilation);
  to.attribute("group", groups);
  if (g.same) {
    to.attribute("auto_pad", "SAME_UPPER");
    return;
  }
  // A transposed convolution that crops less than nothing grows at the end.
  const auto at_least_none = [](int v) { return int64_t{std::max(0, v)}; };
  const int64_t pads[] = {at_least_none(g.pad.top), at_least_none(g.pad.left),
                          at_least_none(g.pad.bottom), at_least_none(g.pad.right)};
  to.attribute("pads", pads);
  const int64_t more[] = {at_least_none(-g.pad.bottom), at_least_none(-g.pad.right)};
  if (g.transposed && (more[0] > 0 || more[1] > 0)) to.attribute("output_padding", more);
}

// Pads that the convolution itself has not are put in front.
ValueName padded(OnnxWriter& to, const ValueName& x, const ExportedLayer& layer, LayerGeometry& g) {
  if (layer.transposed || g.same) return x;
  if (g.pad_mode == "zero") return x;
  const Padding pad = g.pad;
  g.pad = {};
  return write_onnx_pad(to, x, pad,
                        g.pad_mode == "reflect" ? PadMode::reflect : PadMode::replicate);
}

// One channel of ones, of the input's size.
ValueName ones_like(OnnxWriter& to, const ValueName& x) {
  const int64_t none[] = {0}, one[] = {1}, channels[] = {1};
  const ValueName first =
      to.op("Slice", {x, to.integers(none), to.integers(one), to.integers(channels)});
  const ValueName zeros = to.op("Mul", {first, to.number(0)});
  return to.op("Add", {zeros, to.number(1)});
}

ValueName added_per_tap(OnnxWriter& to, const ExportedLayer& layer, const ValueName& x,
                        const LayerGeometry& g, const ValueName& bias) {
  const size_t each = static_cast<size_t>(g.kernel[0] * g.kernel[1]);
  std::vector<float> plane = layer.plane;
  if (plane.empty()) plane.assign(each * static_cast<size_t>(layer.out), 0);
  const std::vector<int64_t> shape =
      layer.transposed ? std::vector<int64_t>{1, layer.out, g.kernel[0], g.kernel[1]}
                       : std::vector<int64_t>{layer.out, 1, g.kernel[0], g.kernel[1]};
  std::vector<ValueName> in = {ones_like(to, x), to.floats(plane, shape, "tap_bias")};
  if (!bias.empty()) in.push_back(bias);
  const ValueName y = to.op(layer.transposed ? "ConvTranspose" : "Conv", in);
  geometry(to, g, 1);
  return y;
}

}  // namespace

ValueName write_onnx_convolution(OnnxWriter& to, const NodeToWrite& n) {
  ExportedLayer layer = read_layer(n.node());
  LayerGeometry g = geometry_of(layer);
  GSX_CHECK(!layer.transposed || std::min(g.pad.top, g.pad.left) >= 0, "export: node ",
            n.node().name,
            " of kind conv_transpose cannot be written as ONNX: it grows at its top or left");
  const bool eight_bits = !layer.scales.empty() && n.range.has_value();
  if (eight_bits) round_taps(layer, n.range->scale);
  const std::vector<int64_t> channels = {layer.out};
  const bool integers =
      eight_bits && to.options.numbers == OnnxNumbers::int8 && !layer.transposed && !layer.constant;
  const bool own_bias = !layer.bias.empty() && !integers;
  const ValueName bias = own_bias ? to.floats(layer.bias, channels, "bias") : "";
  if (layer.constant) return added_per_tap(to, layer, n.in[0], g, bias);

  const LayerGeometry taps = g;
  const ValueName x = padded(to, integers ? n.quantized : n.in[0], layer, g);
  ValueName y;
  if (integers) {
    const OnnxZeroPoint zero = onnx_zero_point(*n.range);
    const uint8_t of_weights = to.options.signed_weights ? 0 : 128;
    y = to.op("ConvInteger",
              {x, weight_bytes(to, layer),
               to.bytes({&zero.value, 1}, zero.is_signed, {}, "input_zero_point"),
               to.bytes({&of_weights, 1}, to.options.signed_weights, {}, "weight_zero_point")});
    geometry(to, g, layer.groups);
    y = to.op("Cast", {y});
    to.attribute("to", int64_t{onnx::TensorProto::FLOAT});
    std::vector<float> steps = layer.scales;
    for (float& s : steps) s *= n.range->scale;
    y = to.op("Mul", {y, to.per_channel(steps, 4, "sum_scale")});
    if (!layer.bias.empty()) y = to.op("Add", {y, to.per_channel(layer.bias, 4, "bias")});
  } else {
    // Per channel of groups' outputs: ONNX has no axis for that.
    const bool has_axis = !layer.transposed || layer.groups == 1;
    const bool dequantize =
        !layer.scales.empty() && has_axis && to.options.numbers != OnnxNumbers::fp32;
    std::vector<ValueName> in = {x, dequantize ? dequantized_weight(to, layer)
                                               : to.floats(layer.weight, layer.shape, "weight")};
    if (!bias.empty()) in.push_back(bias);
    y = to.op(layer.transposed ? "ConvTranspose" : "Conv", in);
    geometry(to, g, layer.groups);
  }
  if (layer.plane.empty()) return y;
  const ValueName more = added_per_tap(to, layer, n.in[0], taps, "");
  return to.op("Add", {y, more});
}

ValueName write_onnx_linear(OnnxWriter& to, const NodeToWrite& n) {
  ExportedLayer layer = read_layer(n.node());
  const std::vector<int64_t> channels = {layer.out};
  std::vector<float> bias = layer.bias;
  if (bias.empty()) bias.assign(static_cast<size_t>(layer.out), 0);
  if (layer.constant) {
    const int64_t none[] = {0}, one[] = {1}, axis[] = {1};
    const ValueName first =
        to.op("Slice", {n.in[0], to.integers(none), to.integers(one), to.integers(axis)});
    const ValueName zeros = to.op("Mul", {first, to.number(0)});
    return to.op("Add", {zeros, to.floats(bias, channels, "bias")});
  }
  const bool dequantize = !layer.scales.empty() && to.options.numbers != OnnxNumbers::fp32;
  const ValueName weight =
      dequantize ? dequantized_weight(to, layer) : to.floats(layer.weight, layer.shape, "weight");
  const ValueName y = to.op("Gemm", {n.in[0], weight, to.floats(bias, channels, "bias")});
  to.attribute("transB", int64_t{1});
  return y;
}

}  // namespace gsx
