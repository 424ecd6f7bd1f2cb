// How values lie in nodes; see onnx_view.h.
#include "models/import/onnx_view.h"

#include <algorithm>
#include <numeric>

namespace gsx::onnx_import {

namespace {

const Size kOne;

bool divides(const Size& part, const Size& whole) {
  return part.a > 0 && part.b > 0 && whole.a % part.a == 0 && whole.b % part.b == 0;
}

Size quotient(const Size& x, const Size& y) { return {x.a / y.a, x.b / y.b}; }

}  // namespace

Size extent(const Dimension& d) {
  Size n;
  for (const Factor& f : d) n = n * f.size;
  return n;
}

Sizes extents(const View& v) {
  Sizes sizes;
  for (const Dimension& d : v.dims) sizes.push_back(extent(d));
  return sizes;
}

View whole_view(int node, const Sizes& axes) {
  View view{node, {}};
  for (size_t i = 0; i < axes.size(); ++i) {
    view.dims.emplace_back();
    if (axes[i] != kOne) view.dims.back().push_back({static_cast<int>(i), axes[i], kOne});
  }
  return view;
}

void simplify(Dimension& d) {
  for (size_t i = 0; i + 1 < d.size();) {
    const Factor &outer = d[i], &inner = d[i + 1];
    if (outer.axis == inner.axis && (outer.axis < 0 || outer.stride == inner.stride * inner.size)) {
      d[i] = {inner.axis, outer.size * inner.size, inner.stride};
      d.erase(d.begin() + static_cast<int64_t>(i) + 1);
    } else {
      ++i;
    }
  }
}

std::optional<View> regrouped(const View& v, const Sizes& to) {
  std::vector<Factor> rest;  // the next one last
  for (auto d = v.dims.rbegin(); d != v.dims.rend(); ++d)
    rest.insert(rest.end(), d->rbegin(), d->rend());
  View result{v.node, {}};
  for (const Size& want : to) {
    Dimension d;
    Size missing = want;
    while (missing != kOne) {
      if (rest.empty()) return std::nullopt;
      Factor f = rest.back();
      rest.pop_back();
      if (divides(f.size, missing)) {
        missing = quotient(missing, f.size);
        d.push_back(f);
      } else if (divides(missing, f.size)) {
        const Size inner = quotient(f.size, missing);
        d.push_back({f.axis, missing, f.axis < 0 ? kOne : f.stride * inner});
        rest.push_back({f.axis, inner, f.stride});
        missing = kOne;
      } else {
        return std::nullopt;
      }
    }
    simplify(d);
    result.dims.push_back(std::move(d));
  }
  if (!rest.empty()) return std::nullopt;
  return result;
}

bool repeats(const View& v) {
  for (const Dimension& d : v.dims)
    for (const Factor& f : d)
      if (f.axis < 0) return true;
  return false;
}

std::optional<std::vector<int>> axes_of(const View& v, const Sizes& axes) {
  if (v.dims.size() != axes.size()) return std::nullopt;
  std::vector<int> result(axes.size(), -1);
  std::vector<bool> taken(axes.size(), false);
  for (size_t i = 0; i < v.dims.size(); ++i) {
    if (v.dims[i].empty()) continue;
    const Factor& f = v.dims[i][0];
    if (v.dims[i].size() > 1 || f.axis < 0 || f.stride != kOne || f.size != axes[f.axis])
      return std::nullopt;
    result[i] = f.axis;
    taken[f.axis] = true;
  }
  for (size_t i = 0; i < axes.size(); ++i) {
    if (result[i] >= 0 || taken[i]) continue;
    result[i] = static_cast<int>(i);
    taken[i] = true;
  }
  for (int& axis : result) {
    if (axis >= 0) continue;
    axis = static_cast<int>(std::find(taken.begin(), taken.end(), false) - taken.begin());
    taken[axis] = true;
  }
  return result;
}

std::vector<int> order_in_node(const View& v) {
  std::vector<int> order(v.dims.size());
  std::iota(order.begin(), order.end(), 0);
  // Dimensions of 1 stay behind their neighbour on the left.
  std::vector<std::pair<int, int64_t>> keys;
  for (const Dimension& d : v.dims) {
    if (!d.empty()) keys.emplace_back(d[0].axis, -d[0].stride.a);
    else keys.push_back(keys.empty() ? std::pair{0, int64_t{INT64_MIN}} : keys.back());
  }
  std::stable_sort(order.begin(), order.end(), [&](int i, int j) { return keys[i] < keys[j]; });
  return order;
}

View permuted(const View& v, const std::vector<int>& order) {
  View result{v.node, {}};
  for (const int i : order) result.dims.push_back(v.dims[i]);
  return result;
}

bool is_reshape(const View& v, const Sizes& axes) {
  Dimension all;
  for (const Dimension& d : v.dims) all.insert(all.end(), d.begin(), d.end());
  const View whole = whole_view(v.node, axes);
  Dimension want;
  for (const Dimension& d : whole.dims) want.insert(want.end(), d.begin(), d.end());
  simplify(all);
  return all == want;
}

std::optional<std::vector<int>> parts_of(const View& x, const View& y) {
  std::vector<int> parts;
  bool several = false;
  int rank = 0;
  for (size_t d = 0; d < x.dims.size(); ++d) {
    const Dimension &a = x.dims[d], &b = y.dims[d];
    const size_t n = std::max({a.size(), b.size(), size_t{1}});
    const auto same = [](const Factor& f, const Factor& g) { return f.size == g.size; };
    const bool fit = n == 1 || a.empty() || b.empty() ||
                     std::equal(a.begin(), a.end(), b.begin(), b.end(), same);
    if (!fit) return std::nullopt;
    several = several || n > 1;
    rank += static_cast<int>(n);
    parts.push_back(static_cast<int>(n));
  }
  if (!several || rank > 4) return std::nullopt;
  return parts;
}

View parted(const View& v, const std::vector<int>& parts) {
  View result{v.node, {}};
  for (size_t d = 0; d < parts.size(); ++d)
    for (int i = 0; i < parts[d]; ++i) {
      result.dims.emplace_back();
      if (v.dims[d].size() == static_cast<size_t>(parts[d])) result.dims.back() = {v.dims[d][i]};
    }
  return result;
}

View joined(const View& v, const std::vector<int>& parts) {
  View result{v.node, {}};
  size_t next = 0;
  for (const int n : parts) {
    Dimension d;
    for (int i = 0; i < n; ++i, ++next) d.insert(d.end(), v.dims[next].begin(), v.dims[next].end());
    simplify(d);
    result.dims.push_back(std::move(d));
  }
  return result;
}

}  // namespace gsx::onnx_import
