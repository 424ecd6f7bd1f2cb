// What the attributes and constant inputs of ONNX nodes mean; see onnx_fold.h.
#include <algorithm>

#include "engine/error.h"
#include "models/import/onnx_fold.h"

namespace gsx::onnx_import {

int64_t integer_of(const OnnxNode& n, const char* name, int64_t otherwise) {
  const auto found = n.attributes.find(name);
  return found == n.attributes.end() || found->second.integers.empty() ? otherwise
                                                                       : found->second.integers[0];
}

float real_of(const OnnxNode& n, const char* name, float otherwise) {
  const auto found = n.attributes.find(name);
  return found == n.attributes.end() || found->second.reals.empty() ? otherwise
                                                                    : found->second.reals[0];
}

std::string text_of(const OnnxNode& n, const char* name, const std::string& otherwise) {
  const auto found = n.attributes.find(name);
  return found == n.attributes.end() || found->second.texts.empty() ? otherwise
                                                                    : found->second.texts[0];
}

Dims integers_of(const OnnxNode& n, const char* name, const Dims& otherwise) {
  const auto found = n.attributes.find(name);
  return found == n.attributes.end() ? otherwise : found->second.integers;
}

Dims axes_of(const OnnxNode& n, const std::vector<ArrayPtr>& in, size_t which) {
  if (which < in.size() && in[which]) return to_dims(*in[which]);
  return integers_of(n, "axes");
}

int64_t axis_of(int64_t axis, size_t rank) {
  const auto r = static_cast<int64_t>(rank);
  GSX_CHECK(axis >= -r && axis < r, "there is no axis ", axis, " of ", r);
  return axis < 0 ? axis + r : axis;
}

Dims reshaped(const Dims& from, const Dims& to, bool zero_stays) {
  Dims dims = to;
  int64_t open = -1, known = 1;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] == 0 && !zero_stays) {
      GSX_CHECK(i < from.size(), "a shape ", text_of(to), " keeps more dimensions than there are");
      dims[i] = from[i];
    }
    if (dims[i] == -1) {
      GSX_CHECK(open < 0, "a shape ", text_of(to), " leaves two dimensions open");
      open = static_cast<int64_t>(i);
    } else {
      known = product({known, dims[i]});
    }
  }
  const int64_t all = product(from);
  if (open >= 0) dims[open] = known > 0 ? all / known : 0;
  GSX_CHECK(product(dims) == all, "shape ", text_of(from), " cannot become ", text_of(to));
  return dims;
}

std::vector<Places> sliced(const OnnxNode& n, const std::vector<ArrayPtr>& in, const Dims& from) {
  const bool by_inputs = in.size() > 2;
  const Dims starts = by_inputs ? to_dims(*in[1]) : integers_of(n, "starts");
  const Dims ends = by_inputs ? to_dims(*in[2]) : integers_of(n, "ends");
  Dims axes = by_inputs ? axes_of(n, in, 3) : integers_of(n, "axes");
  if (axes.empty())
    for (size_t i = 0; i < starts.size(); ++i) axes.push_back(static_cast<int64_t>(i));
  Dims steps(starts.size(), 1);
  if (in.size() > 4 && in[4]) steps = to_dims(*in[4]);
  GSX_CHECK(
      starts.size() == ends.size() && starts.size() == axes.size() && steps.size() == axes.size(),
      "a slice has as many starts as ends and axes");
  std::vector<Places> places;
  for (const int64_t d : from) places.push_back({0, d, 1});
  for (size_t i = 0; i < axes.size(); ++i) {
    const int64_t axis = axis_of(axes[i], from.size()), extent = from[axis], step = steps[i];
    GSX_CHECK(step != 0 && step >= -kMostFolded && step <= kMostFolded, "a slice has steps of ",
              step);
    const auto bound = [&](int64_t at, int64_t lo, int64_t hi) {
      if (at < 0) at = at < -extent ? -1 : at + extent;
      return std::clamp(at, lo, hi);
    };
    // Backwards, an end before the first element is -1.
    const int64_t first = step > 0 ? bound(starts[i], 0, extent) : bound(starts[i], -1, extent - 1);
    const int64_t end = step > 0 ? bound(ends[i], 0, extent) : bound(ends[i], -1, extent - 1);
    const int64_t reach = step > 0 ? end - first : first - end, stride = std::abs(step);
    places[axis] = {first, reach > 0 ? (reach + stride - 1) / stride : 0, step};
  }
  return places;
}

Dims parts_of(const OnnxNode& n, const ArrayPtr& sizes, int64_t extent) {
  Dims parts = sizes ? to_dims(*sizes) : integers_of(n, "split");
  if (parts.empty()) {
    const auto count = static_cast<int64_t>(n.outputs.size());
    const int64_t each = (extent + count - 1) / count;
    for (int64_t left = extent; left > 0; left -= each) parts.push_back(std::min(each, left));
  }
  int64_t all = 0;
  for (const int64_t p : parts) all += p;
  GSX_CHECK(all == extent && parts.size() >= n.outputs.size() &&
                *std::min_element(parts.begin(), parts.end()) >= 0,
            "parts ", text_of(parts), " are not the ", extent, " there are");
  return parts;
}

}  // namespace gsx::onnx_import
