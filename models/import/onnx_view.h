// Views: how a value of an ONNX graph lies in a node of ours. Reshape, Transpose, Squeeze,
// Unsqueeze and Expand only change the view; a node is made when an operation needs its input in
// order. So NHWC graphs, pixel shuffles by six dimensions and group norms by three cost nothing to
// follow.
#pragma once
#include <optional>
#include <vector>

#include "engine/shape.h"
#include "models/import/onnx_array.h"

namespace gsx::onnx_import {

// A number at each of the two image sizes that a graph is followed at. What differs between them
// depends on the image's size; networks of one size are followed at that size twice.
struct Size {
  int64_t a = 1, b = 1;
  Size() = default;
  Size(int64_t both) : a(both), b(both) {}
  Size(int64_t first, int64_t second) : a(first), b(second) {}
  bool fixed() const { return a == b; }
  friend bool operator==(const Size&, const Size&) = default;
};
inline Size operator*(const Size& x, const Size& y) { return {x.a * y.a, x.b * y.b}; }
using Sizes = std::vector<Size>;

// A part of an axis of the node: the elements at 0, stride, 2 * stride, ... in it, `size` of them,
// for each place of the parts around it. Axis -1: every place holds the same.
struct Factor {
  int axis = 0;
  Size size, stride;
  friend bool operator==(const Factor&, const Factor&) = default;
};

// A dimension is the product of its factors, the outermost first; one of extent 1 has none, and
// neither has a batch of 1.
using Dimension = std::vector<Factor>;
struct View {
  int node = -1;
  std::vector<Dimension> dims;
  int rank() const { return static_cast<int>(dims.size()); }
};

Size extent(const Dimension&);
Sizes extents(const View&);
// Axis i of the node as dimension i.
View whole_view(int node, const Sizes& axes);
// What Reshape makes of it, row by row; nullopt where a dimension would begin or end within one
// that does not split there.
std::optional<View> regrouped(const View&, const Sizes& to);
// Joins neighbouring factors of one axis that lie one after the other.
void simplify(Dimension&);
bool repeats(const View&);  // whether any factor is of axis -1
// Which axis of the node each dimension is, where every one is a whole axis and there are as many
// dimensions as axes; dimensions of 1 take the axes that are left, their own places first.
std::optional<std::vector<int>> axes_of(const View&, const Sizes& axes);
// The places of the dimensions in the order in which their factors lie in the node, batch first.
std::vector<int> order_in_node(const View&);
// Dimension i of the result is dimension order[i].
View permuted(const View&, const std::vector<int>& order);
// Whether the dimensions' factors, one after the other, are the node's axes in order: the view is a
// reshape.
bool is_reshape(const View&, const Sizes& axes);

// Dimensions that are several factors as one dimension for each, so that [N,C,H*W] meets [N,C,1] as
// images do: `parts` of every dimension of the two views of one rank, where each has the same
// factors in both or none in one; nullopt where that is not so or nothing is to be parted.
std::optional<std::vector<int>> parts_of(const View& x, const View& y);
View parted(const View&,
            const std::vector<int>& parts);  // dimensions without factors as so many 1s
View joined(const View&, const std::vector<int>& parts);  // the way back

}  // namespace gsx::onnx_import
