// Resizing and pooling in ONNX graphs; see onnx_trace.h.
#include <algorithm>
#include <cmath>

#include "models/import/onnx_fold.h"
#include "models/import/onnx_trace.h"

namespace gsx::onnx_import {

namespace {

// The two numbers of an axis's result: by a scale, or by extents.
struct Target {
  double scale = 1;
  Size size = 1;
  bool by_size = false;
};

// Extents as a scale, where that makes them whatever the image's size.
bool as_scale(const Size& from, const Size& to, double& scale) {
  if (to.a * from.b != to.b * from.a) return false;
  scale = static_cast<double>(to.a) / static_cast<double>(from.a);
  const auto makes = [&](int64_t n, int64_t m) {
    return static_cast<int64_t>(std::floor(static_cast<double>(n) * scale)) == m;
  };
  // Of one size alone, only scales that someone would write.
  const bool plain = scale * 8 == std::floor(scale * 8) || !from.fixed();
  return plain && makes(from.a, to.a) && makes(from.b, to.b);
}

void resize_to(Call& c, const std::string& mode, const std::string& coordinates,
               const std::string& rounding, const std::vector<Target>& targets) {
  const Call::Placed x = c.placed(0);
  Sketch& s = c.sketch();
  if (x.axes.size() != 4) throw Unmapped{"it resizes no image", "images [N,C,H,W]"};
  Target rows, columns;
  for (size_t d = 0; d < 4; ++d) {
    const int axis = x.axes[d];
    const Size n = s.sizes(x.node)[axis];
    Target t = targets[d];
    if (t.by_size && as_scale(n, t.size, t.scale)) t.by_size = false;
    if (axis >= 2) (axis == 2 ? rows : columns) = t;
    else if (t.by_size ? t.size != n : t.scale != 1)
      throw Unmapped{"it resizes channels or the batch", "rows and columns"};
  }
  const bool nearest = mode == "nearest";
  const double r = rows.scale;
  const bool whole = !rows.by_size && !columns.by_size && r == columns.scale && r == std::floor(r);
  // Pixels repeated, whichever way their places are rounded.
  const bool repeats = nearest && whole && r >= 1 && r <= 64 &&
                       ((coordinates == "asymmetric" && rounding == "floor") ||
                        (coordinates == "half_pixel" && rounding != "ceil" && rounding != "floor"));
  if (whole && r == 1) return c.give(x.node, x.axes);
  if (repeats)
    return c.give(s.add("upsample", {x.node}, {{"factor", static_cast<int>(r)}}), x.axes);
  Json attributes = {{"mode", mode}, {"coordinates", coordinates}};
  if (nearest) attributes["rounding"] = rounding;
  if (rows.by_size || columns.by_size) {
    const auto size = [&](const Target& t, int axis) {
      const Size n = s.sizes(x.node)[axis];
      if (t.by_size) return t.size;
      return Size(static_cast<int64_t>(static_cast<double>(n.a) * t.scale),
                  static_cast<int64_t>(static_cast<double>(n.b) * t.scale));
    };
    const Size h = size(rows, 2), w = size(columns, 3);
    if (!h.fixed() || !w.fixed()) throw SizeDependent{"the size that an image is resized to"};
    attributes["size"] = {h.a, w.a};
    c.trace.note("'" + c.node.name + "' resizes to " + std::to_string(w.a) + " x " +
                 std::to_string(h.a) + " pixels, whatever the image's size");
  } else {
    attributes["scale"] = {rows.scale, columns.scale};
  }
  c.give(s.add("resize", {x.node}, attributes), x.axes);
}

std::vector<Target> by_scales(const std::vector<float>& scales) {
  std::vector<Target> targets;
  for (const float f : scales) targets.push_back({static_cast<double>(f), 1, false});
  return targets;
}

void resize(Call& c) {
  const int opset = c.trace.model.opset;
  const std::string mode = c.text("mode", "nearest");
  std::string coordinates = c.text("coordinate_transformation_mode", "half_pixel");
  std::string rounding = c.text("nearest_mode", "round_prefer_floor");
  if (opset < 11) coordinates = "asymmetric", rounding = "floor";
  if (mode != "nearest" && mode != "linear")
    throw Unmapped{"its mode is " + mode, "nearest or linear"};
  if (coordinates != "asymmetric" && coordinates != "half_pixel" &&
      coordinates != "pytorch_half_pixel" && coordinates != "align_corners")
    throw Unmapped{"its coordinates are " + coordinates, "half_pixel, asymmetric or align_corners"};
  if (c.text("keep_aspect_ratio_policy", "stretch") != "stretch")
    throw Unmapped{"its keep_aspect_ratio_policy is not stretch", "stretch"};
  const size_t scales = opset < 11 ? 1 : 2;
  std::vector<Target> targets;
  if (c.has(3)) {
    for (const Size& n : c.sizes(3, "sizes")) targets.push_back({1, n, true});
  } else {
    // Scales that are themselves computed of sizes are sizes.
    if (!c.is_constant(scales)) throw Unmapped{"its scales are computed from pixels", "constants"};
    const std::vector<float> a = to_floats(*c.in[scales].a), b = to_floats(*c.in[scales].b);
    if (a != b) throw SizeDependent{"the scales of a resize"};
    targets = by_scales(a);
  }
  const Sizes from = c.extents(0);
  const Dims axes = integers_of(c.node, "axes");
  if (!axes.empty()) {
    std::vector<Target> all(from.size());
    GSX_CHECK(axes.size() == targets.size(), "it has ", targets.size(), " scales for ", axes.size(),
              " axes");
    for (size_t i = 0; i < axes.size(); ++i) all[axis_of(axes[i], from.size())] = targets[i];
    targets = all;
  }
  GSX_CHECK(targets.size() == 4, "it has ", targets.size(), " scales");
  if (c.integer("antialias", 0) != 0 && mode == "linear")
    for (size_t d = 0; d < 4; ++d)
      if (targets[d].by_size ? targets[d].size.a < from[d].a : targets[d].scale < 1)
        throw Unmapped{"it smooths while it shrinks (antialias)", "antialias 0"};
  resize_to(c, mode, coordinates, rounding, targets);
}

void upsample(Call& c) {  // up to opset 9
  std::vector<float> scales;
  if (c.has(1)) scales = c.floats(1, "scales");
  else if (const auto found = c.node.attributes.find("scales"); found != c.node.attributes.end())
    scales = found->second.reals;
  GSX_CHECK(scales.size() == 4, "it has ", scales.size(), " scales");
  const std::string mode = c.text("mode", "nearest");
  if (mode != "nearest" && mode != "linear")
    throw Unmapped{"its mode is " + mode, "nearest or linear"};
  resize_to(c, mode, "asymmetric", "floor", by_scales(scales));
}

void pool(Call& c, const char* kind) {
  const bool average = std::string(kind) == "avg_pool";
  const Dims kernel = integers_of(c.node, "kernel_shape"), ones = {1, 1};
  const Dims stride = integers_of(c.node, "strides", ones);
  Dims pads = integers_of(c.node, "pads", {0, 0, 0, 0});
  if (kernel.size() != 2 || stride.size() != 2 || pads.size() != 4 || kernel[0] != kernel[1] ||
      stride[0] != stride[1] || integers_of(c.node, "dilations", ones) != ones)
    throw Unmapped{"its window is not square", "equal kernels and strides, no dilation"};
  if (c.node.outputs.size() > 1 && !c.node.outputs[1].empty())
    throw Unmapped{"it also gives the places of the maxima", "nearest up-sampling"};
  Sketch& s = c.sketch();
  int node = c.settled(0, 4);
  const std::string automatic = c.text("auto_pad", "NOTSET");
  if (automatic == "VALID") pads = {0, 0, 0, 0};
  if (automatic.starts_with("SAME"))
    for (int d = 0; d < 2; ++d) {
      const auto total = [&](int64_t n) {
        const int64_t out = (n + stride[0] - 1) / stride[0];
        return std::max<int64_t>(0, (out - 1) * stride[0] + kernel[0] - n);
      };
      const Size n = s.sizes(node)[2 + d];
      const int64_t all = total(n.a);
      if (all != total(n.b)) throw SizeDependent{"auto_pad of a pool"};
      pads[automatic == "SAME_UPPER" ? d : 2 + d] = all / 2;
      pads[automatic == "SAME_UPPER" ? 2 + d : d] = all - all / 2;
    }
  const bool equal = pads[0] == pads[1] && pads[0] == pads[2] && pads[0] == pads[3];
  const bool counted = c.integer("count_include_pad", 0) != 0;
  if (!equal) {
    if (average && !counted)
      throw Unmapped{"its borders differ between sides", "equal pads, or count_include_pad"};
    if (!average) throw Unmapped{"its borders differ between sides", "equal pads"};
    node =
        s.add("pad", {node}, {{"pad", {pads[0], pads[2], pads[1], pads[3]}}, {"pad_mode", "zero"}});
    pads = {0, 0, 0, 0};
  }
  if (2 * pads[0] > kernel[0]) throw Unmapped{"its border is wider than half its window", ""};
  const int n = s.add(kind, {node},
                      {{"size", kernel[0]},
                       {"stride", stride[0]},
                       {"pad", pads[0]},
                       {"ceil_mode", c.integer("ceil_mode", 0) != 0},
                       {"count_include_pad", counted}});
  c.give(n);
  c.out.back().grid = average ? std::nullopt : c.in[0].grid;
}

void max_pool(Call& c) { pool(c, "max_pool"); }
void avg_pool(Call& c) { pool(c, "avg_pool"); }

void global_average(Call& c) { c.give(c.sketch().add("global_avg_pool", {c.settled(0, 4)})); }
void global_max(Call& c) { c.give(c.sketch().add("global_max_pool", {c.settled(0, 4)})); }

}  // namespace

const Handlers& resampling_handlers() {
  static const Handlers table = {{"Resize", resize},
                                 {"Upsample", upsample},
                                 {"MaxPool", max_pool},
                                 {"AveragePool", avg_pool},
                                 {"GlobalAveragePool", global_average},
                                 {"GlobalMaxPool", global_max}};
  return table;
}

}  // namespace gsx::onnx_import
