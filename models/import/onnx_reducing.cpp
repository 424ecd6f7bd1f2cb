// Means, sums and maxima over dimensions, and softmax, of ONNX graphs; see onnx_trace.h.
#include <algorithm>

#include "models/import/onnx_fold.h"
#include "models/import/onnx_trace.h"

namespace gsx::onnx_import {

namespace {

struct Reduced {
  std::vector<int> axes;   // of the node
  Size count;              // how many elements become one
  std::vector<bool> goes;  // per dimension
};

// The axes of the node that a view's dimensions are; nullopt where they are parts of some.
std::optional<Reduced> reduced(const View& v, const Sizes& axes, const Dims& dims) {
  Reduced r;
  r.goes.assign(v.dims.size(), dims.empty());
  for (const int64_t d : dims) r.goes[axis_of(d, v.dims.size())] = true;
  Dimension all;
  for (size_t d = 0; d < r.goes.size(); ++d)
    if (r.goes[d]) all.insert(all.end(), v.dims[d].begin(), v.dims[d].end());
  std::erase_if(all, [](const Factor& f) { return f.axis < 0; });  // the mean of equals
  std::sort(all.begin(), all.end(), [](const Factor& a, const Factor& b) {
    return std::pair(a.axis, -a.stride.a) < std::pair(b.axis, -b.stride.a);
  });
  simplify(all);
  for (const Factor& f : all) {
    if (f.axis == 0 || f.stride != Size() || f.size != axes[f.axis]) return std::nullopt;
    r.axes.push_back(f.axis);
    r.count = r.count * f.size;
  }
  return r;
}

void give_reduced(Call& c, const View& v, int node, const Reduced& r) {
  View y{node, {}};
  const bool keep = c.integer("keepdims", 1) != 0;
  for (size_t d = 0; d < v.dims.size(); ++d) {
    if (!r.goes[d]) y.dims.push_back(v.dims[d]);
    else if (keep) y.dims.emplace_back();
  }
  c.give(y);
}

Dims dims_named(Call& c) {
  if (c.has(1)) return to_dims(*c.constant(1, "axes"));
  return integers_of(c.node, "axes");
}

// The input and what of it is reduced, in order where parts of axes would be.
Reduced look(Call& c, View& v) {
  const Dims dims = dims_named(c);
  auto r = reduced(v, c.sketch().sizes(v.node), dims);
  if (!r) {
    const int n = settled(c.sketch(), v);
    v = whole_view(n, c.sketch().sizes(n));
    r = reduced(v, c.sketch().sizes(n), dims);
  }
  if (!r) throw Unmapped{"it reduces the batch", "channels, rows and columns"};
  return *r;
}

int mean_of(Sketch& s, int node, const Reduced& r) {
  if (r.axes.empty()) return node;
  return s.add("reduce_mean", {node}, {{"axes", r.axes}});
}

bool nothing_to_do(Call& c) {
  return dims_named(c).empty() && c.integer("noop_with_empty_axes", 0) != 0;
}

void reduce_mean(Call& c) {
  if (nothing_to_do(c)) return c.out.push_back(c.in[0]);
  View v = c.view(0);
  const Reduced r = look(c, v);
  give_reduced(c, v, mean_of(c.sketch(), v.node, r), r);
}

void sum(Call& c, bool squares, bool root) {
  if (nothing_to_do(c)) throw Unmapped{"it has no axes", "axes"};
  View v = c.view(0);
  const Sizes before = extents(v);
  if (repeats(v)) {
    const int n = settled(c.sketch(), v);
    v = whole_view(n, c.sketch().sizes(n));
  }
  const Reduced r = look(c, v);
  Sketch& s = c.sketch();
  int n = v.node;
  if (squares) n = s.add("mul", {n, n});
  n = mean_of(s, n, r);
  if (!r.count.fixed()) throw SizeDependent{"a sum over an image's pixels"};
  if (r.count.a != 1) n = affine(s, n, {static_cast<float>(r.count.a)}, {0});
  if (root) n = s.add("sqrt", {n});
  give_reduced(c, v, n, r);
}
void reduce_sum(Call& c) { sum(c, false, false); }
void reduce_sum_square(Call& c) { sum(c, true, false); }
void reduce_l2(Call& c) { sum(c, true, true); }

void reduce_max(Call& c) {
  View v = c.view(0);
  const Reduced r = look(c, v);
  Sketch& s = c.sketch();
  const Sizes sizes = s.sizes(v.node);
  std::vector<int> axes;  // those that are not 1 already
  for (const int a : r.axes)
    if (sizes[a] != Size()) axes.push_back(a);
  const bool rows = sizes.size() == 4 &&
                    (axes == std::vector{2, 3} || (axes == std::vector{2} && sizes[3] == Size()) ||
                     (axes == std::vector{3} && sizes[2] == Size()));
  if (axes.empty()) return give_reduced(c, v, v.node, r);
  if (!rows)
    throw Unmapped{"it takes maxima over more or less than all pixels", "rows and columns"};
  give_reduced(c, v, s.add("global_max_pool", {v.node}), r);
}

// Up to opset 12 all dimensions from `axis` on are one.
void softmax(Call& c) {
  const View v = c.view(0);
  Sketch& s = c.sketch();
  const int64_t rank = v.rank();
  const int64_t axis = axis_of(c.integer("axis", c.trace.model.opset < 13 ? 1 : -1), v.dims.size());
  if (c.trace.model.opset < 13 && axis != rank - 1)
    throw Unmapped{"it is taken over several dimensions at once", "the last dimension"};
  if (rank == 4) {
    const Call::Placed x = c.placed(0);
    if (x.axes[axis] == 1) return c.give(s.add("softmax", {x.node}), x.axes);
    // Rows of attention weights [N,1,L,L].
    View rows = v;
    const auto one = std::find_if(rows.dims.begin() + 1, rows.dims.end(),
                                  [](const Dimension& d) { return d.empty(); });
    if (axis != 3 || one == rows.dims.end())
      throw Unmapped{"it is taken over rows or columns of an image", "channels"};
    const auto at = one - rows.dims.begin();
    rows.dims.erase(one);
    const int n = s.add("softmax", {settled(s, rows)});
    View y = whole_view(n, s.sizes(n));
    y.dims.insert(y.dims.begin() + at, Dimension());
    return c.give(y);
  }
  if (axis != rank - 1) throw Unmapped{"it is not taken over the last dimension", "the last one"};
  c.give(s.add("softmax", {settled(s, v)}));
}

}  // namespace

const Handlers& reducing_handlers() {
  static const Handlers table = {{"ReduceMean", reduce_mean},
                                 {"ReduceSum", reduce_sum},
                                 {"ReduceSumSquare", reduce_sum_square},
                                 {"ReduceL2", reduce_l2},
                                 {"ReduceMax", reduce_max},
                                 {"Softmax", softmax}};
  return table;
}

}  // namespace gsx::onnx_import
