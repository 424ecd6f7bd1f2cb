// Folding what moves elements; see onnx_fold_moves.h.
#include "models/import/onnx_fold_moves.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "engine/error.h"

namespace gsx::onnx_import {

namespace {

ArrayPtr shared(Array a) { return std::make_shared<Array>(std::move(a)); }

Dims strides_of(const Dims& dims) {
  Dims strides(dims.size());
  int64_t stride = 1;
  for (size_t d = dims.size(); d-- > 0; stride *= dims[d]) strides[d] = stride;
  return strides;
}

// A result [dims] whose element at every place is x's at first + the places' dot product with
// steps.
ArrayPtr strided(const Array& x, const Dims& dims, int64_t first, const Dims& steps) {
  Array y = make_array(x.type, dims);
  Dims place(dims.size(), 0);
  int64_t from = first;
  const int64_t n = y.size();
  for (int64_t i = 0; i < n; ++i) {
    if (x.type == Type::real) y.reals[i] = x.reals[from];
    else y.integers[i] = x.integers[from];
    for (size_t d = dims.size(); d-- > 0;) {
      from += steps[d];
      if (++place[d] < dims[d]) break;
      from -= steps[d] * place[d];
      place[d] = 0;
    }
  }
  return shared(std::move(y));
}

ArrayPtr with_dims(const ArrayPtr& x, const Dims& dims) {
  Array y = *dense(x);
  y.dims = y.held = dims;
  return shared(std::move(y));
}

ArrayPtr squeeze(const OnnxNode& n, const std::vector<ArrayPtr>& in) {
  Dims axes = axes_of(n, in, 1);
  for (int64_t& a : axes) a = axis_of(a, in[0]->dims.size());
  Array y = *in[0];
  y.dims.clear(), y.held.clear();
  for (size_t d = 0; d < in[0]->dims.size(); ++d) {
    const bool named = std::find(axes.begin(), axes.end(), static_cast<int64_t>(d)) != axes.end();
    if (named || (axes.empty() && in[0]->dims[d] == 1)) continue;
    y.dims.push_back(in[0]->dims[d]);
    y.held.push_back(in[0]->held[d]);
  }
  GSX_CHECK(product(y.dims) == in[0]->size(), "a dimension that is not 1 is squeezed");
  return shared(std::move(y));
}

ArrayPtr unsqueeze(const OnnxNode& n, const std::vector<ArrayPtr>& in) {
  Dims axes = axes_of(n, in, 1);
  const size_t rank = in[0]->dims.size() + axes.size();
  for (int64_t& a : axes) a = axis_of(a, rank);
  std::sort(axes.begin(), axes.end());
  Array y = *in[0];
  for (const int64_t a : axes) {
    GSX_CHECK(a <= static_cast<int64_t>(y.dims.size()), "an axis is named twice");
    y.dims.insert(y.dims.begin() + a, 1);
    y.held.insert(y.held.begin() + a, 1);
  }
  return shared(std::move(y));
}

ArrayPtr transpose(const OnnxNode& n, const ArrayPtr& x) {
  Dims order = integers_of(n, "perm");
  if (order.empty())
    for (size_t d = x->dims.size(); d-- > 0;) order.push_back(static_cast<int64_t>(d));
  GSX_CHECK(order.size() == x->dims.size(), "a transposition names every dimension");
  const ArrayPtr from = dense(x);
  const Dims strides = strides_of(x->dims);
  Dims dims, steps;
  for (const int64_t o : order) {
    const int64_t axis = axis_of(o, x->dims.size());
    dims.push_back(x->dims[axis]);
    steps.push_back(strides[axis]);
  }
  GSX_CHECK(product(dims) == x->size(), "a transposition names every dimension once");
  return strided(*from, dims, 0, steps);
}

ArrayPtr expand(const ArrayPtr& x, const Dims& to) {
  Array y = *x;
  y.dims = broadcast(x->dims, to);
  y.held.insert(y.held.begin(), y.dims.size() - x->held.size(), 1);
  product(y.dims);
  return shared(std::move(y));
}

ArrayPtr tile(const ArrayPtr& x, const Dims& times) {
  GSX_CHECK(times.size() == x->dims.size(), "a tile has as many numbers as dimensions");
  Dims ones(times.size(), 1);
  Array y = *x;
  bool repeats = true;  // dimensions of 1 alone
  for (size_t d = 0; d < times.size(); ++d) repeats = repeats && (times[d] == 1 || x->held[d] == 1);
  if (repeats) {
    for (size_t d = 0; d < times.size(); ++d) y.dims[d] *= times[d];
    product(y.dims);
    return shared(std::move(y));
  }
  // [t0, d0, t1, d1, ...], repeated along the t's.
  const ArrayPtr from = dense(x);
  const Dims strides = strides_of(x->dims);
  Dims dims, steps, all;
  for (size_t d = 0; d < times.size(); ++d) {
    dims.insert(dims.end(), {times[d], x->dims[d]});
    steps.insert(steps.end(), {0, strides[d]});
    all.push_back(times[d] * x->dims[d]);
  }
  return with_dims(strided(*from, dims, 0, steps), all);
}

ArrayPtr concat(const OnnxNode& n, const std::vector<ArrayPtr>& in) {
  const int64_t axis = axis_of(integer_of(n, "axis", 0), in[0]->dims.size());
  Dims dims = in[0]->dims;
  dims[axis] = 0;
  for (const ArrayPtr& a : in) {
    GSX_CHECK(a->dims.size() == dims.size(), "arrays of one rank are joined");
    dims[axis] += a->dims[axis];
  }
  Array y = make_array(in[0]->type, dims);
  const int64_t outer = product({dims.begin(), dims.begin() + axis});
  int64_t at = 0;
  for (int64_t o = 0; o < outer; ++o)
    for (const ArrayPtr& given : in) {
      const ArrayPtr a = dense(given);
      const int64_t each = a->size() / std::max<int64_t>(1, outer);
      for (int64_t i = o * each; i < (o + 1) * each; ++i, ++at) {
        GSX_CHECK(at < y.size() && a->size() == each * outer, "arrays of one shape are joined");
        if (y.type == Type::real) y.reals[at] = a->real(i);
        else y.integers[at] = a->integer(i);
      }
    }
  return shared(std::move(y));
}

ArrayPtr slice(const OnnxNode& n, const std::vector<ArrayPtr>& in) {
  const ArrayPtr x = dense(in[0]);
  const std::vector<Places> places = sliced(n, in, x->dims);
  const Dims strides = strides_of(x->dims);
  Dims dims, steps;
  int64_t first = 0;
  for (size_t d = 0; d < places.size(); ++d) {
    dims.push_back(places[d].count);
    steps.push_back(places[d].step * strides[d]);
    if (places[d].count > 0) first += places[d].first * strides[d];
  }
  return strided(*x, dims, first, steps);
}

ArrayPtr gather(const OnnxNode& n, const ArrayPtr& given, const ArrayPtr& places) {
  const ArrayPtr x = dense(given), at = dense(places);
  const int64_t axis = axis_of(integer_of(n, "axis", 0), x->dims.size()), extent = x->dims[axis];
  Dims dims(x->dims.begin(), x->dims.begin() + axis);
  const int64_t outer = product(dims);
  dims.insert(dims.end(), at->dims.begin(), at->dims.end());
  dims.insert(dims.end(), x->dims.begin() + axis + 1, x->dims.end());
  const int64_t inner = product({x->dims.begin() + axis + 1, x->dims.end()});
  Array y = make_array(x->type, dims);
  int64_t to = 0;
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t p = 0; p < at->size(); ++p) {
      const int64_t place = axis_of(at->integer(p), static_cast<size_t>(extent));
      for (int64_t i = 0; i < inner; ++i, ++to) {
        const int64_t from = (o * extent + place) * inner + i;
        if (y.type == Type::real) y.reals[to] = x->reals[from];
        else y.integers[to] = x->integers[from];
      }
    }
  return shared(std::move(y));
}

ArrayPtr constant_of_shape(const OnnxNode& n, const ArrayPtr& shape) {
  const auto value = n.attributes.find("value");
  Array y = make_array(Type::real, {1});
  if (value != n.attributes.end() && value->second.array) y = *value->second.array;
  y.dims = to_dims(*shape);
  GSX_CHECK(y.held_size() == 1, "one value is repeated");
  y.held.assign(y.dims.size(), 1);
  if (product(y.dims) == 0) {  // no element of it is there
    y.held = y.dims;
    y.reals.clear(), y.integers.clear();
  }
  return shared(std::move(y));
}

ArrayPtr range(const std::vector<ArrayPtr>& in) {
  const double first = in[0]->real(0), end = in[1]->real(0), step = in[2]->real(0);
  const double count = step == 0 ? 0 : std::max(0.0, std::ceil((end - first) / step));
  GSX_CHECK(count <= static_cast<double>(kMostFolded), "a range of ", count, " numbers");
  Array y = make_array(in[0]->type, {static_cast<int64_t>(count)});
  for (int64_t i = 0; i < y.size(); ++i) {
    if (y.type == Type::real)
      y.reals[i] = static_cast<float>(first + step * static_cast<double>(i));
    else y.integers[i] = in[0]->integer(0) + in[2]->integer(0) * i;
  }
  return shared(std::move(y));
}

ArrayPtr reduce(const OnnxNode& n, const std::vector<ArrayPtr>& in) {
  const ArrayPtr x = dense(in[0]);
  Dims axes = axes_of(n, in, 1);
  if (axes.empty() && integer_of(n, "noop_with_empty_axes", 0) != 0) return in[0];
  std::vector<bool> goes(x->dims.size(), axes.empty());
  for (const int64_t a : axes) goes[axis_of(a, goes.size())] = true;
  Dims dims, kept = x->dims;
  for (size_t d = 0; d < goes.size(); ++d) {
    if (goes[d]) kept[d] = 1;
    if (!goes[d] || integer_of(n, "keepdims", 1) != 0) dims.push_back(goes[d] ? 1 : x->dims[d]);
  }
  const Dims strides = strides_of(kept), own = strides_of(x->dims);
  const int64_t count = x->size() / std::max<int64_t>(1, product(kept));
  std::vector<double> sums(product(kept), n.op == "ReduceProd" ? 1.0 : 0.0);
  const bool extreme = n.op == "ReduceMax" || n.op == "ReduceMin";
  const double worst = std::numeric_limits<double>::infinity();
  if (extreme) std::fill(sums.begin(), sums.end(), n.op == "ReduceMax" ? -worst : worst);
  for (int64_t i = 0; i < x->size(); ++i) {
    int64_t to = 0;
    for (size_t d = 0; d < goes.size(); ++d)
      if (!goes[d]) to += i / own[d] % x->dims[d] * strides[d];
    const double v =
        x->type == Type::real ? double{x->reals[i]} : static_cast<double>(x->integers[i]);
    if (n.op == "ReduceProd") sums[to] *= v;
    else if (n.op == "ReduceMax") sums[to] = std::max(sums[to], v);
    else if (n.op == "ReduceMin") sums[to] = std::min(sums[to], v);
    else sums[to] += v;
  }
  Array y = make_array(x->type, dims);
  for (size_t i = 0; i < sums.size(); ++i) {
    const double v = n.op == "ReduceMean" ? sums[i] / static_cast<double>(count) : sums[i];
    if (y.type == Type::real) y.reals[i] = static_cast<float>(v);
    else y.integers[i] = std::abs(v) < 9e18 ? static_cast<int64_t>(v) : 0;
  }
  return shared(std::move(y));
}

std::vector<ArrayPtr> split(const OnnxNode& n, const std::vector<ArrayPtr>& in) {
  const int64_t axis = axis_of(integer_of(n, "axis", 0), in[0]->dims.size());
  const Dims parts = parts_of(n, in.size() > 1 ? in[1] : nullptr, in[0]->dims[axis]);
  std::vector<ArrayPtr> result;
  int64_t at = 0;
  for (const int64_t part : parts) {
    OnnxNode one{"", "Slice", {}, {}, {}};
    result.push_back(slice(one, {in[0], integers({at}), integers({at + part}), integers({axis})}));
    at += part;
  }
  return result;
}

}  // namespace

std::vector<ArrayPtr> fold_moves(const OnnxNode& n, const std::vector<ArrayPtr>& in) {
  const std::string& op = n.op;
  if (op == "Constant") {
    for (const auto& [key, a] : n.attributes) {
      if (key == "value" && a.array) return {a.array};
      if (key == "value_int") return {with_dims(integers(a.integers), {})};
      if (key == "value_ints") return {integers(a.integers)};
      const auto count = static_cast<int64_t>(a.reals.size());
      if (key == "value_float") return {shared({Type::real, {}, {}, a.reals, {}})};
      if (key == "value_floats") return {shared({Type::real, {count}, {count}, a.reals, {}})};
    }
    return {};
  }
  if (in.empty() || !in[0]) return {};
  if (op == "Reshape" && in.size() == 2) {
    const Dims to = to_dims(*in[1]);
    return {with_dims(in[0], reshaped(in[0]->dims, to, integer_of(n, "allowzero", 0) != 0))};
  }
  if (op == "Flatten") {
    const auto rank = static_cast<int64_t>(in[0]->dims.size()), axis = integer_of(n, "axis", 1);
    const int64_t outer = axis < 0 ? axis + rank : axis;
    GSX_CHECK(outer >= 0 && outer <= rank, "there is no axis ", axis, " of ", rank);
    const int64_t rows = product({in[0]->dims.begin(), in[0]->dims.begin() + outer});
    return {with_dims(in[0], reshaped(in[0]->dims, {rows, -1}, true))};
  }
  if (op == "Squeeze") return {squeeze(n, in)};
  if (op == "Unsqueeze") return {unsqueeze(n, in)};
  if (op == "Transpose") return {transpose(n, in[0])};
  if (op == "Expand" && in.size() == 2) return {expand(in[0], to_dims(*in[1]))};
  if (op == "Tile" && in.size() == 2) return {tile(in[0], to_dims(*in[1]))};
  if (op == "Concat") return {concat(n, in)};
  if (op == "Slice") return {slice(n, in)};
  if (op == "Gather" && in.size() == 2) return {gather(n, in[0], in[1])};
  if (op == "ConstantOfShape") return {constant_of_shape(n, in[0])};
  if (op == "Range" && in.size() == 3) return {range(in)};
  if (op == "Split") return split(n, in);
  if (op == "Shape") return {integers(in[0]->dims)};
  if (op == "Size") return {with_dims(integers({in[0]->size()}), {})};
  if (op == "ReduceProd" || op == "ReduceSum" || op == "ReduceMean" || op == "ReduceMax" ||
      op == "ReduceMin")
    return {reduce(n, in)};
  return {};
}

}  // namespace gsx::onnx_import
