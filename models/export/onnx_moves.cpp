// Nodes that move values and compute none but means between pixels, in ONNX.
#include "models/export/onnx_writer.h"
#include "models/nodes.h"

namespace gsx {

namespace {

using WriteMove = ValueName (*)(OnnxWriter&, const NodeToWrite&);

ValueName write_concat(OnnxWriter& to, const NodeToWrite& n) {
  const ValueName y = to.op("Concat", n.in);
  to.attribute("axis", int64_t{1});
  return y;
}

ValueName write_pad(OnnxWriter& to, const NodeToWrite& n) {
  const Json a = n.node().attributes();
  const Json& p = a.at("pad");
  const std::string mode = a.at("pad_mode");
  return write_onnx_pad(to, n.in[0], {p[0], p[1], p[2], p[3]},
                        mode == "zero"      ? PadMode::zero
                        : mode == "reflect" ? PadMode::reflect
                                            : PadMode::replicate);
}

ValueName write_upsample(OnnxWriter& to, const NodeToWrite& n) {
  const auto factor = static_cast<float>(n.node().attributes().at("factor").get<int>());
  const float scales[] = {1, 1, factor, factor};
  const int64_t four[] = {4};
  const ValueName y = to.op("Resize", {n.in[0], "", to.floats(scales, four, "scales")});
  to.attribute("mode", "nearest");
  to.attribute("coordinate_transformation_mode", "asymmetric");
  to.attribute("nearest_mode", "floor");
  return y;
}

ValueName write_resize(OnnxWriter& to, const NodeToWrite& n) {
  const Json a = n.node().attributes();
  std::vector<ValueName> in = {n.in[0], ""};
  const int64_t four[] = {4};
  if (a.contains("scale")) {
    const float scales[] = {1, 1, a.at("scale")[0], a.at("scale")[1]};
    in.push_back(to.floats(scales, four, "scales"));
  } else {
    const int64_t none[] = {0}, two[] = {2}, size[] = {a.at("size")[0], a.at("size")[1]};
    const ValueName front =
        to.op("Slice", {to.op("Shape", {n.in[0]}), to.integers(none), to.integers(two)});
    const ValueName sizes = to.op("Concat", {front, to.integers(size)});
    to.attribute("axis", int64_t{0});
    in.insert(in.end(), {"", sizes});
  }
  const ValueName y = to.op("Resize", in);
  to.attribute("mode", a.at("mode").text().c_str());
  to.attribute("coordinate_transformation_mode", a.at("coordinates").text().c_str());
  if (a.contains("rounding")) to.attribute("nearest_mode", a.at("rounding").text().c_str());
  return y;
}

ValueName write_pixel_shuffle(OnnxWriter& to, const NodeToWrite& n) {
  const Json a = n.node().attributes();
  const int64_t r = a.at("factor");
  const bool crd = a.at("order") == "crd";
  if (n.node().kind() == "pixel_shuffle") {
    const ValueName y = to.op("DepthToSpace", n.in);
    to.attribute("blocksize", r);
    to.attribute("mode", crd ? "CRD" : "DCR");
    return y;
  }
  const ValueName y = to.op("SpaceToDepth", n.in);  // whose channels come block by block
  to.attribute("blocksize", r);
  if (!crd) return y;
  const int64_t c = n.shapes[0][1];
  std::vector<int64_t> order;
  for (int64_t k = 0; k < c; ++k)
    for (int64_t b = 0; b < r * r; ++b) order.push_back(b * c + k);
  const ValueName sorted = to.op("Gather", {y, to.integers(order)});
  to.attribute("axis", int64_t{1});
  return sorted;
}

ValueName write_slice(OnnxWriter& to, const NodeToWrite& n) {
  const Json a = n.node().attributes();
  std::vector<int64_t> begins, ends, axes, steps;
  const auto take = [&](const char* key, int64_t axis) {
    if (!a.contains(key) || axis >= n.shapes[0].rank()) return;
    const Json& r = a.at(key);
    const int64_t begin = r[0], end = r[1], step = r[2];
    if (begin == 0 && step == 1 && end == SliceRange{}.end) return;
    begins.push_back(begin);
    ends.push_back(end);
    axes.push_back(axis);
    steps.push_back(step);
  };
  take("channels", 1);
  take("rows", 2);
  take("columns", 3);
  ValueName y = n.in[0];
  if (a.contains("picked")) {
    y = to.op("Gather", {y, to.integers(a.at("picked").get<std::vector<int64_t>>())});
    to.attribute("axis", int64_t{1});
  }
  if (begins.empty()) return a.contains("picked") ? y : to.op("Identity", n.in);
  return to.op("Slice",
               {y, to.integers(begins), to.integers(ends), to.integers(axes), to.integers(steps)});
}

ValueName write_transpose(OnnxWriter& to, const NodeToWrite& n) {
  const ValueName y = to.op("Transpose", n.in);
  to.attribute("perm", n.node().attributes().at("axes").get<std::vector<int64_t>>());
  return y;
}

ValueName write_reshape(OnnxWriter& to, const NodeToWrite& n) {
  const Json a = n.node().attributes();
  const auto channels = [&] {
    return a.contains("channels") ? a.at("channels").get<int64_t>() : 0;
  };
  if (n.in.size() == 2) {  // of the second input's height and width
    const int64_t two[] = {2}, four[] = {4}, front[] = {0, 0};
    const ValueName size =
        to.op("Slice", {to.op("Shape", {n.in[1]}), to.integers(two), to.integers(four)});
    const ValueName shape = to.op("Concat", {to.integers(front), size});
    to.attribute("axis", int64_t{0});
    return to.op("Reshape", {n.in[0], shape});
  }
  if (a.contains("flat")) {
    const int64_t shape[] = {0, 0, -1};
    return to.op("Reshape", {n.in[0], to.integers(shape)});
  }
  const int64_t height = a.at("height"), width = a.at("width");
  std::vector<int64_t> shape = {0, channels() > 0 ? channels() : -1};
  if (height > 0) shape.insert(shape.end(), {height, width});
  return to.op("Reshape", {n.in[0], to.integers(shape)});
}

constexpr std::pair<const char*, WriteMove> kMoveWriters[] = {
    {"concat", write_concat},
    {"pad", write_pad},
    {"upsample", write_upsample},
    {"resize", write_resize},
    {"pixel_shuffle", write_pixel_shuffle},
    {"pixel_unshuffle", write_pixel_shuffle},
    {"slice", write_slice},
    {"transpose", write_transpose},
    {"reshape", write_reshape},
};

// Rows or columns of x, from begin, `count` of them, one by one backwards.
ValueName mirrored(OnnxWriter& to, const ValueName& x, int64_t begin, int64_t end, int64_t axis) {
  const int64_t begins[] = {begin}, ends[] = {end}, axes[] = {axis}, back[] = {-1};
  return to.op("Slice",
               {x, to.integers(begins), to.integers(ends), to.integers(axes), to.integers(back)});
}

// What reflecting adds, joined to x along an axis.
ValueName reflected(OnnxWriter& to, const ValueName& x, int before, int after, int64_t axis) {
  std::vector<ValueName> parts;
  if (before > 0) parts.push_back(mirrored(to, x, before, 0, axis));
  parts.push_back(x);
  if (after > 0) parts.push_back(mirrored(to, x, -2, -2 - after, axis));
  if (parts.size() == 1) return x;
  const ValueName y = to.op("Concat", parts);
  to.attribute("axis", axis);
  return y;
}

}  // namespace

ValueName write_onnx_pad(OnnxWriter& to, const ValueName& x, const Padding& pad, PadMode mode) {
  if (mode == PadMode::reflect && to.options.slice_reflect)
    return reflected(to, reflected(to, x, pad.top, pad.bottom, 2), pad.left, pad.right, 3);
  const int64_t pads[] = {0, 0, pad.top, pad.left, 0, 0, pad.bottom, pad.right};
  const ValueName y = to.op("Pad", {x, to.integers(pads)});
  if (mode == PadMode::reflect) to.attribute("mode", "reflect");
  if (mode == PadMode::replicate) to.attribute("mode", "edge");
  return y;
}

ValueName write_onnx_move(OnnxWriter& to, const NodeToWrite& n) {
  for (const auto& [kind, write] : kMoveWriters)
    if (n.node().kind() == kind) return write(to, n);
  return "";
}

}  // namespace gsx
