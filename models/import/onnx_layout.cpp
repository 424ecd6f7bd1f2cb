// Values in the order that operations need; see onnx_layout.h.
#include "models/import/onnx_layout.h"

#include <algorithm>

namespace gsx::onnx_import {

namespace {

const Size kOne;

[[noreturn]] void cannot(const Sketch& sketch, const View& v, const std::string& why) {
  Dims now, wanted;
  for (const Size& s : sketch.sizes(v.node)) now.push_back(s.a);
  for (const Size& s : extents(v)) wanted.push_back(s.a);
  throw Unmapped{"a value of shape " + text_of(now) + " is rearranged to " + text_of(wanted) +
                     " in a way that " + why,
                 "transpositions, flattened pixels and pixel shuffles of images are read"};
}

int transposed(Sketch& sketch, int node, const std::vector<int>& axes) {
  for (size_t i = 0; i < axes.size(); ++i)
    if (axes[i] != static_cast<int>(i)) return sketch.add("transpose", {node}, {{"axes", axes}});
  return node;
}

// Factor (axis, size, stride) in a dimension.
Factor part(int axis, const Size& size, const Size& stride) { return {axis, size, stride}; }

// Whether the dimensions behind the batch are these, where those of 1 have no factors.
bool matches(const View& v, std::vector<Dimension> want) {
  for (size_t i = 0; i < want.size(); ++i) {
    std::erase_if(want[i], [](const Factor& f) { return f.size == kOne; });
    simplify(want[i]);
    if (v.dims[i + 1] != want[i]) return false;
  }
  return true;
}

// A pixel shuffle, unshuffle or repetition of pixels that makes dimensions N C H W of the node.
std::optional<SketchNode> shuffle(const View& v, const Sizes& axes) {
  if (v.rank() != 4 || axes.size() != 4) return std::nullopt;
  const Size c = axes[1], h = axes[2], w = axes[3], height = extent(v.dims[2]);
  const auto made = [&](const char* kind, int64_t r, const char* order) {
    SketchNode n;
    n.kind = kind;
    n.inputs = {v.node};
    n.attributes = {{"factor", r}};
    if (order) n.attributes["order"] = order;
    return n;
  };
  for (int64_t r = 2; r <= 16; ++r) {
    if (h * r == height &&
        matches(
            v, {{part(1, c, 1)}, {part(2, h, 1), part(-1, r, 1)}, {part(3, w, 1), part(-1, r, 1)}}))
      return made("upsample", r, nullptr);
    if (h * r == height && c.a % (r * r) == 0) {
      const Size deep = c.a / (r * r);
      if (matches(v, {{part(1, deep, r * r)},
                      {part(2, h, 1), part(1, r, r)},
                      {part(3, w, 1), part(1, r, 1)}}))
        return made("pixel_shuffle", r, "crd");
      if (matches(v, {{part(1, deep, 1)},
                      {part(2, h, 1), part(1, r, deep * r)},
                      {part(3, w, 1), part(1, r, deep)}}))
        return made("pixel_shuffle", r, "dcr");
    }
    if (h == height * r && w.a % r == 0 && w.b % r == 0) {
      const Size wide{w.a / r, w.b / r};
      const Dimension rows = {part(2, height, r)}, columns = {part(3, wide, r)};
      if (matches(v, {{part(1, c, 1), part(2, r, 1), part(3, r, 1)}, rows, columns}))
        return made("pixel_unshuffle", r, "crd");
      if (matches(v, {{part(2, r, 1), part(3, r, 1), part(1, c, 1)}, rows, columns}))
        return made("pixel_unshuffle", r, "dcr");
    }
  }
  return std::nullopt;
}

// x repeated to these extents: zeros of that shape are added.
int repeated(Sketch& sketch, const View& v, int x, int partner) {
  const Sizes want = extents(v);
  if (want.size() == 4 && partner >= 0 && sketch.sizes(partner).size() == 4 &&
      sketch.sizes(partner)[2] == want[2] && sketch.sizes(partner)[3] == want[3]) {
    const Json first = {0, 1, 1}, all = {0, INT64_MAX, 1};
    const int one =
        sketch.add("slice", {partner}, {{"channels", first}, {"rows", all}, {"columns", all}});
    const int zeros = sketch.add("affine", {one}, {{"scale", {0.0}}, {"shift", {0.0}}});
    x = sketch.add("add", {x, zeros}, {{"broadcast", true}});
  }
  std::vector<int64_t> dims;
  for (size_t d = 1; d < want.size(); ++d) {
    const bool there = sketch.sizes(x)[d] == want[d];
    if (!there && !want[d].fixed()) cannot(sketch, v, "repeats it to the size of the image");
    dims.push_back(there ? 1 : want[d].a);
  }
  if (product(dims) == 1) return x;
  if (product(dims) > kMostFolded) cannot(sketch, v, "repeats it too often");
  const int zeros = sketch.add_constant(dims, std::vector<float>(product(dims), 0.0f));
  return sketch.add("add", {x, zeros}, {{"broadcast", true}});
}

// Another shape of the same elements in the same order.
int in_new_shape(Sketch& sketch, const View& v) {
  const Sizes axes = sketch.sizes(v.node), want = extents(v);
  const auto to_image = [&](const Size& c, const Size& h, const Size& w) {
    return sketch.add("reshape", {v.node}, {{"channels", c.a}, {"height", h.a}, {"width", w.a}});
  };
  if (want == axes) return v.node;
  const bool fixed =
      std::all_of(want.begin() + 1, want.end(), [](const Size& s) { return s.fixed(); });
  if (want.size() == 2)
    return sketch.add("reshape", {v.node}, {{"channels", 0}, {"height", 0}, {"width", 0}});
  if (want.size() == 3) {
    if (axes.size() == 4 && axes[1] == want[1])
      return sketch.add("reshape", {v.node}, {{"flat", true}});
    if (!fixed) cannot(sketch, v, "depends on the image's size");
    return sketch.add("reshape", {to_image(want[1], want[2], 1)}, {{"flat", true}});
  }
  // Rows of pixels become the image that the latest of this size is.
  for (int i = sketch.size(); i-- > 0 && axes.size() == 3 && axes[1] == want[1];) {
    const Sizes other = sketch.sizes(i);
    if (other.size() == 4 && other[2] == want[2] && other[3] == want[3])
      return sketch.add("reshape", {v.node, i}, {{"channels", 0}, {"height", 0}, {"width", 0}});
  }
  if (fixed) return to_image(want[1], want[2], want[3]);
  cannot(sketch, v, "depends on the image's size");
}

std::vector<int> inverse(const std::vector<int>& order) {
  std::vector<int> result(order.size());
  for (size_t i = 0; i < order.size(); ++i) result[order[i]] = static_cast<int>(i);
  return result;
}

}  // namespace

View without_repeats(const Sketch& sketch, const View& v) {
  View result = v;
  for (Dimension& d : result.dims) {
    if (!d.empty() && std::all_of(d.begin(), d.end(), [](const Factor& f) { return f.axis < 0; }))
      d.clear();
  }
  if (repeats(result)) cannot(sketch, v, "repeats parts of a dimension");
  return result;
}

int settled(Sketch& sketch, const View& v, int partner) {
  const Sizes axes = sketch.sizes(v.node);
  if (v.rank() < 2 || v.rank() > 4)
    cannot(sketch, v, "has " + std::to_string(v.rank()) + " dimensions");
  // Dimensions of any order, as NHWC has them.
  std::vector<int> order(v.rank());
  for (int i = 0; i < v.rank(); ++i) order[i] = i;
  do {
    const std::optional<SketchNode> n = shuffle(permuted(v, order), axes);
    if (n) return transposed(sketch, sketch.add(*n), inverse(order));
  } while (std::next_permutation(order.begin() + 1, order.end()));
  if (repeats(v)) {
    const View once = without_repeats(sketch, v);
    return repeated(sketch, v, settled(sketch, once), partner);
  }
  if (const auto which = axes_of(v, axes); which && (*which)[0] == 0)
    return transposed(sketch, v.node, *which);
  if (is_reshape(v, axes)) return in_new_shape(sketch, v);
  order = order_in_node(v);
  const View sorted = permuted(v, order);
  if (order[0] == 0 && is_reshape(sorted, axes))
    return transposed(sketch, in_new_shape(sketch, sorted), inverse(order));
  if (const auto parts = parts_of(v, {v.node, std::vector<Dimension>(v.dims.size())})) {
    // Dimensions that are several axes, not in the node's order: in order first.
    const int n = settled(sketch, parted(v, *parts));
    const View whole = joined(whole_view(n, sketch.sizes(n)), *parts);
    if (n != v.node && is_reshape(whole, sketch.sizes(n))) return in_new_shape(sketch, whole);
  }
  cannot(sketch, v, "gsx has no node for");
}

namespace {

View with_rank(View v, int rank) {
  while (v.rank() < rank) v.dims.insert(v.dims.begin(), Dimension());
  return v;
}

bool is_batch_first(const std::vector<int>& axes) { return axes[0] == 0; }

// `other` with its dimensions in the order of `axes`, of the node that they belong to.
int arranged(Sketch& sketch, const View& other, const std::vector<int>& axes) {
  return settled(sketch, permuted(other, inverse(axes)));
}

}  // namespace

Aligned aligned(Sketch& sketch, const View& x_given, const View& y_given) {
  const int rank = std::max({x_given.rank(), y_given.rank(), 2});
  const View x = without_repeats(sketch, with_rank(x_given, rank));
  const View y = without_repeats(sketch, with_rank(y_given, rank));
  const Sizes of_x = sketch.sizes(x.node), of_y = sketch.sizes(y.node);
  if (x.dims == y.dims && of_x == of_y && rank == static_cast<int>(of_x.size())) {
    if (const auto axes = axes_of(x, of_x)) return {x.node, y.node, *axes};
  }
  const auto volume = [](const Sizes& sizes) {
    Size n;
    for (const Size& s : sizes) n = n * s;
    return n.a;
  };
  const auto by_x = axes_of(x, of_x), by_y = axes_of(y, of_y);
  const bool x_leads = !by_y || volume(of_x) >= volume(of_y);
  if (by_x && x_leads && is_batch_first(*by_x)) return {x.node, arranged(sketch, y, *by_x), *by_x};
  if (by_y && is_batch_first(*by_y)) return {arranged(sketch, x, *by_y), y.node, *by_y};
  std::vector<int> same(rank);
  for (int i = 0; i < rank; ++i) same[i] = i;
  return {settled(sketch, x), settled(sketch, y), same};
}

View elementwise_view(const Sketch& sketch, int node, const std::vector<int>& axes,
                      const Sizes& wanted) {
  const View whole = whole_view(node, sketch.sizes(node));
  View v = permuted(whole, axes);
  for (size_t i = 0; i < axes.size(); ++i)
    if (v.dims[i].empty() && wanted[i] != kOne) v.dims[i] = {{-1, wanted[i], kOne}};
  return v;
}

}  // namespace gsx::onnx_import
