// Convolutions and linear layers in PyTorch.
#include "models/export/layer.h"
#include "models/export/torch_code.h"
#include "models/nodes.h"

namespace gsx::torch_export {

namespace {

Argument plain(std::string text) { return {"", std::move(text), ""}; }
Argument channels(int64_t n) { return {"", python(n), "channels"}; }
Argument keyword(std::string key, std::string text) {
  return {std::move(key), std::move(text), ""};
}

Call call_of(const char* type, int64_t in, int64_t out, const LayerGeometry& g) {
  Call call{type, {channels(in), channels(out), plain(pair_text(g.kernel[0], g.kernel[1]))}};
  if (g.strided()) call.arguments.push_back(keyword("stride", pair_text(g.stride[0], g.stride[1])));
  return call;
}

void finish(Call& call, const LayerGeometry& g, int groups, bool bias) {
  if (g.dilated())
    call.arguments.push_back(keyword("dilation", pair_text(g.dilation[0], g.dilation[1])));
  if (groups > 1) call.arguments.push_back({"groups", python(int64_t{groups}), "groups"});
  if (!bias) call.arguments.push_back(keyword("bias", "False"));
}

Step ones_step(std::set<std::string>& helpers) {
  helpers.insert("Ones");
  return {{"Ones", {}}, "torch.ones_like($0[:, :1])", false};
}

NodeCode forward_convolution(const NodeToCode& n, const ExportedLayer& layer,
                             const LayerGeometry& g, NodeCode code) {
  const bool inside =
      g.pad_mode == "zero" && g.pad.top == g.pad.bottom && g.pad.left == g.pad.right;
  const bool none = std::max({g.pad.top, g.pad.bottom, g.pad.left, g.pad.right}) == 0;
  const bool taps = !layer.plane.empty() && !layer.constant;
  const bool own = taps || (g.same && g.strided());
  if (own) n.helpers.insert("PaddedConv2d");
  const int64_t in = layer.constant ? 1 : layer.shape[1] * layer.groups;
  Call call = call_of(own ? "PaddedConv2d" : "nn.Conv2d", in, layer.out, g);
  if (g.same) {
    call.arguments.push_back(keyword(own ? "border" : "padding", "\"same\""));
  } else if (own && !none) {
    call.arguments.push_back(keyword("border", pad_text(g.pad)));
  } else if (inside && !none) {
    call.arguments.push_back(keyword("padding", pair_text(g.pad.top, g.pad.left)));
  } else if (!none) {
    code.steps.push_back(pad_step(g.pad, g.pad_mode, n.helpers));
  }
  if (taps) call.arguments.push_back(keyword("taps", "True"));
  finish(call, g, layer.constant ? 1 : layer.groups, !layer.bias.empty());
  code.steps.push_back({call, "", true});
  return code;
}

NodeCode transposed_convolution(const NodeToCode& n, const ExportedLayer& layer,
                                const LayerGeometry& g, NodeCode code) {
  if (std::min(g.pad.top, g.pad.left) < 0) refuse(n.node, "it grows at its top or left");
  const bool taps = !layer.plane.empty() && !layer.constant;
  if (taps) n.helpers.insert("ConvTransposeWithTaps");
  const int64_t in = layer.constant ? 1 : layer.shape[0];
  Call call = call_of(taps ? "ConvTransposeWithTaps" : "nn.ConvTranspose2d", in, layer.out, g);
  const int more[] = {g.pad.top - g.pad.bottom, g.pad.left - g.pad.right};
  for (const int i : {0, 1})
    if (more[i] >= std::max(g.stride[i], g.dilation[i]))
      refuse(n.node, "it grows by more than its stride at its end");
  if (g.pad.top != 0 || g.pad.left != 0)
    call.arguments.push_back(keyword("padding", pair_text(g.pad.top, g.pad.left)));
  const int64_t at_end[] = {std::max(0, more[0]), std::max(0, more[1])};
  if (at_end[0] > 0 || at_end[1] > 0)
    call.arguments.push_back(keyword("output_padding", pair_text(at_end[0], at_end[1])));
  finish(call, g, layer.constant ? 1 : layer.groups, !layer.bias.empty());
  code.steps.push_back({call, "", true});
  const Padding crop = {0, std::min(0, more[0]), 0, std::min(0, more[1])};
  if (crop.bottom < 0 || crop.right < 0) code.steps.push_back(pad_step(crop, "zero", n.helpers));
  return code;
}

}  // namespace

NodeCode convolution_code(const NodeToCode& n) {
  ExportedLayer layer = read_layer(n.node);
  if (const auto* quantizer = dynamic_cast<const Quantize*>(n.first))
    round_taps(layer, quantizer->range().scale);
  const LayerGeometry g = geometry_of(layer);
  const std::vector<int64_t> taps =
      layer.transposed ? std::vector<int64_t>{1, layer.out, g.kernel[0], g.kernel[1]}
                       : std::vector<int64_t>{layer.out, 1, g.kernel[0], g.kernel[1]};
  NodeCode code;
  if (layer.constant) {  // a filter over one channel of ones
    code.steps.push_back(ones_step(n.helpers));
    std::vector<float> plane = layer.plane;
    plane.resize(static_cast<size_t>(layer.out * g.kernel[0] * g.kernel[1]), 0);
    code.tensors.push_back({"weight", taps, plane});
  } else {
    code.tensors.push_back({"weight", layer.shape, layer.weight});
    if (!layer.plane.empty()) code.tensors.push_back({"tap_bias", taps, layer.plane});
  }
  if (!layer.bias.empty()) code.tensors.push_back({"bias", {layer.out}, layer.bias});
  return layer.transposed ? transposed_convolution(n, layer, g, code)
                          : forward_convolution(n, layer, g, code);
}

NodeCode linear_code(const NodeToCode& n) {
  const ExportedLayer layer = read_layer(n.node);
  NodeCode code;
  int64_t in = 1;
  if (layer.constant) {
    code.steps.push_back(ones_step(n.helpers));
    code.tensors.push_back(
        {"weight", {layer.out, 1}, std::vector<float>(static_cast<size_t>(layer.out), 0)});
  } else {
    in = layer.shape[1];
    code.tensors.push_back({"weight", layer.shape, layer.weight});
  }
  Call call{"nn.Linear", {channels(in), channels(layer.out)}};
  if (layer.bias.empty()) call.arguments.push_back(keyword("bias", "False"));
  else code.tensors.push_back({"bias", {layer.out}, layer.bias});
  code.steps.push_back({call, "", true});
  return code;
}

}  // namespace gsx::torch_export
