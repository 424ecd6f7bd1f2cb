// Nodes that move values and compute none but means between pixels, in PyTorch.
#include "models/export/torch_code.h"
#include "models/nodes.h"

namespace gsx::torch_export {

namespace {

using Move = NodeCode (*)(const NodeToCode&);

NodeCode moved(std::string text, Call module = {}) {
  NodeCode code;
  if (module.type.empty()) code.expression = std::move(text);
  else code.steps.push_back({std::move(module), std::move(text), false});
  return code;
}

NodeCode move_concat(const NodeToCode& n) {
  std::string parts;
  for (size_t i = 0; i < n.shapes.size(); ++i) parts += (i == 0 ? "$" : ", $") + std::to_string(i);
  return moved("torch.cat([" + parts + "], 1)");
}

NodeCode move_pad(const NodeToCode& n) {
  const Json a = n.node.attributes();
  const Json& p = a.at("pad");
  NodeCode code;
  code.steps.push_back(pad_step({p[0], p[1], p[2], p[3]}, a.at("pad_mode"), n.helpers));
  return code;
}

NodeCode move_upsample(const NodeToCode& n) {
  const std::string factor = python(n.node.attributes().at("factor").get<int64_t>());
  return moved("F.interpolate($0, scale_factor=" + factor + ")",
               {"nn.Upsample", {{"scale_factor", factor, ""}}});
}

std::string scales_text(double a, double b) {
  return a == b ? python(a) : "(" + python(a) + ", " + python(b) + ")";
}

NodeCode move_resize(const NodeToCode& n) {
  const Json a = n.node.attributes();
  const std::string mode = a.at("mode"), at = a.at("coordinates");
  const std::string rounding = a.contains("rounding") ? a.at("rounding").get<std::string>() : "";
  std::vector<Argument> arguments;
  if (a.contains("scale")) {
    arguments.push_back({"scale_factor", scales_text(a.at("scale")[0], a.at("scale")[1]), ""});
  } else {
    const int64_t high = a.at("size")[0], wide = a.at("size")[1];
    arguments.push_back({"size", "(" + python(high) + ", " + python(wide) + ")", ""});
  }
  if (mode == "linear" && at != "asymmetric") {
    arguments.push_back({"mode", "\"bilinear\"", ""});
    if (at == "align_corners") arguments.push_back({"align_corners", "True", ""});
  } else if (mode == "nearest" && at != "align_corners" && at != "asymmetric" &&
             rounding == "round_prefer_ceil") {
    arguments.push_back({"mode", "\"nearest-exact\"", ""});
  } else if (!(mode == "nearest" && at == "asymmetric" && rounding == "floor")) {
    n.helpers.insert("resize");
    std::string text = "resize($0, \"" + mode + "\", \"" + at + "\", \"" + rounding + "\"";
    for (const Argument& argument : arguments)
      text += ", " + argument.keyword + "=" + argument.text;
    return moved(text + ")");
  }
  std::string text = "F.interpolate($0";
  for (const Argument& argument : arguments) text += ", " + argument.keyword + "=" + argument.text;
  return moved(text + ")", {"nn.Upsample", arguments});
}

// Channels of blocks one block after the other (dcr), which PyTorch's own shuffles have not.
NodeCode move_pixel_shuffle(const NodeToCode& n) {
  const Json a = n.node.attributes();
  const std::string r = python(a.at("factor").get<int64_t>());
  const bool crd = a.at("order") == "crd", inverse = n.node.kind() == "pixel_unshuffle";
  if (crd && !inverse)
    return moved("F.pixel_shuffle($0, " + r + ")", {"nn.PixelShuffle", {{"", r, ""}}});
  if (crd) return moved("F.pixel_unshuffle($0, " + r + ")", {"nn.PixelUnshuffle", {{"", r, ""}}});
  if (!inverse)
    return moved("%0.unflatten(1, (" + r + ", " + r +
                 ", -1)).permute(0, 3, 4, 1, 5, 2).flatten(4, 5).flatten(2, 3)");
  return moved("%0.unflatten(3, (-1, " + r + ")).unflatten(2, (-1, " + r +
               ")).permute(0, 3, 5, 1, 2, 4).flatten(1, 3)");
}

std::string range_text(const Json& r) {
  const int64_t begin = r[0], end = r[1], by = r[2];
  std::string text = begin == 0 ? ":" : python(begin) + ":";
  if (end != SliceRange{}.end) text += python(end);
  return by == 1 ? text : text + ":" + python(by);
}

NodeCode move_slice(const NodeToCode& n) {
  const Json a = n.node.attributes();
  const bool image = n.shapes[0].rank() == 4;
  std::string text = "%0", index = "[:";
  if (a.contains("picked")) {
    text += "[:, " + a.at("picked").dump() + "]";
    index += ", :";
  }
  for (const std::string_view key : {"channels", "rows", "columns"})
    if (a.contains(key) && (image || key == "channels")) index += ", " + range_text(a.at(key));
  while (index.ends_with(", :")) index.resize(index.size() - 3);
  return moved(index == "[:" ? text : text + index + "]");
}

NodeCode move_transpose(const NodeToCode& n) {
  std::string axes;
  for (const auto axis : n.node.attributes().at("axes").get<std::vector<int64_t>>())
    axes += (axes.empty() ? "" : ", ") + python(axis);
  return moved("%0.permute(" + axes + ")");
}

NodeCode move_reshape(const NodeToCode& n) {
  const Json a = n.node.attributes();
  if (n.shapes.size() == 2) return moved("%0.unflatten(2, tuple(%1.shape[2:]))");
  if (a.contains("flat")) return moved("%0.flatten(2)");
  const int64_t channels = a.at("channels"), height = a.at("height"), width = a.at("width");
  if (height == 0) return moved("%0.flatten(1)", {"nn.Flatten", {}});
  const std::string sides = ", " + python(height) + ", " + python(width) + ")";
  const std::string shape = (channels > 0 ? python(channels) : "-1") + sides;
  if (n.shapes[0].rank() == 2)
    return moved("%0.unflatten(1, (" + shape + ")",
                 {"nn.Unflatten", {{"", "1", ""}, {"", "(" + shape, ""}}});
  return moved("%0.flatten(1).unflatten(1, (" + shape + ")");
}

constexpr std::pair<const char*, Move> kMoves[] = {
    {"concat", move_concat},
    {"pad", move_pad},
    {"upsample", move_upsample},
    {"resize", move_resize},
    {"pixel_shuffle", move_pixel_shuffle},
    {"pixel_unshuffle", move_pixel_shuffle},
    {"slice", move_slice},
    {"transpose", move_transpose},
    {"reshape", move_reshape},
};

}  // namespace

Step pad_step(const Padding& p, const std::string& mode, std::set<std::string>& helpers) {
  const std::string sides = pad_text(p);
  if (std::max({p.top, p.bottom, p.left, p.right}) <= 0) {  // converters take no negative pads
    helpers.insert("Crop");
    const auto part = [](int begin, int end) {
      return (begin < 0 ? python(int64_t{-begin}) : "") + ":" +
             (end < 0 ? python(int64_t{end}) : "");
    };
    return {{"Crop", {{"", sides, ""}}},
            "%0[:, :, " + part(p.top, p.bottom) + ", " + part(p.left, p.right) + "]",
            false};
  }
  if (mode == "zero")
    return {{"nn.ZeroPad2d", {{"", sides, ""}}}, "F.pad($0, " + sides + ")", false};
  const bool all = p.top == p.bottom && p.left == p.right && p.top == p.left;
  return {{mode == "reflect" ? "nn.ReflectionPad2d" : "nn.ReplicationPad2d",
           {{"", all ? python(int64_t{p.top}) : sides, ""}}},
          "F.pad($0, " + sides + ", mode=\"" + mode + "\")",
          false};
}

NodeCode move_code(const NodeToCode& n) {
  for (const auto& [kind, move] : kMoves)
    if (n.node.kind() == kind) return move(n);
  refuse(n.node, "there is no way to say it");
}

}  // namespace gsx::torch_export
