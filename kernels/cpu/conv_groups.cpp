// Slices of channels, and the loop over groups; see conv_groups.h.
#include "kernels/cpu/conv_groups.h"

#include <algorithm>

#include "kernels/cpu/packed_quantized.h"

namespace gsx::kernels {
namespace {

// The convolution of one group by itself.
ConvShape shape_of_group(const ConvShape& s) {
  ConvShape own = s;
  own.groups = 1;
  own.x = View::of(s.x.n, s.x.h, s.x.w, s.x.c / s.groups);
  own.w = FilterView::of(s.w.k / s.groups, s.w.c, s.w.r, s.w.s);
  return own;
}

// to = channels [at, at + to.c) of rows `from`.
template <class T>
void take(Exec& e, const Rows& from, const T* x, int64_t at, const Rows& to, T* y) {
  constexpr int64_t kRows = 512;
  e.pool->for_ranges(to.rows, kRows, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      std::copy_n(x + i * from.cs + at, to.c, y + i * to.cs);
      std::fill(y + i * to.cs + to.c, y + (i + 1) * to.cs, T{0});
    }
  });
}

// Channels [at, at + from.c) of rows `to` = from, or += it; the last slice zeroes what pads `to`.
template <class T>
void put(Exec& e, const Rows& from, const T* x, const Rows& to, int64_t at, bool add, T* y) {
  constexpr int64_t kRows = 512;
  const bool last = at + from.c == to.c;
  e.pool->for_ranges(to.rows, kRows, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      T* own = y + i * to.cs + at;
      for (int64_t c = 0; c < from.c; ++c)
        own[c] = add ? static_cast<T>(own[c] + x[i * from.cs + c]) : x[i * from.cs + c];
      if (last) std::fill(own + from.c, y + (i + 1) * to.cs, T{0});
    }
  });
}

Rows rows(const View& v) { return {v.pixels(), v.c, v.cs}; }
Rows rows(const FilterView& f) { return {int64_t{f.r} * f.s * f.c, f.k, f.ks}; }

// Work on groups, without what is kept of the whole filter.
struct Groups {
  Exec e;
  Workspace::Scope scope;
  ConvShape whole, own;
  View y, own_y;

  Groups(Exec& exec, const ConvShape& s)
      : e(exec),
        scope(*exec.workspace),
        whole(s),
        own(shape_of_group(s)),
        y(s.y()),
        own_y(own.y()) {
    e.kept = nullptr;
  }
  template <class T>
  T* room(int64_t size) {
    return e.workspace->take<T>(size);
  }
};

}  // namespace

void grouped_forward(Exec& e, const ConvShape& s, const float* x, const float* w, const float* bias,
                     float* y) {
  Groups g(e, s);
  float *own_x = g.room<float>(g.own.x.size()), *own_w = g.room<float>(g.own.w.size()),
        *own_y = g.room<float>(g.own_y.size());
  for (int i = 0; i < s.groups; ++i) {
    const int64_t k = int64_t{i} * g.own.w.k;
    take(g.e, rows(s.x), x, int64_t{i} * g.own.x.c, rows(g.own.x), own_x);
    take(g.e, rows(s.w), w, k, rows(g.own.w), own_w);
    cpu_conv.forward(g.e, g.own, own_x, own_w, bias == nullptr ? nullptr : bias + k, own_y, {});
    put(g.e, rows(g.own_y), own_y, rows(g.y), k, false, y);
  }
}

void grouped_backward_input(Exec& e, const ConvShape& s, const float* gy, const float* w,
                            float* gx) {
  Groups g(e, s);
  float *own_x = g.room<float>(g.own.x.size()), *own_w = g.room<float>(g.own.w.size()),
        *own_y = g.room<float>(g.own_y.size());
  for (int i = 0; i < s.groups; ++i) {
    const int64_t k = int64_t{i} * g.own.w.k;
    take(g.e, rows(g.y), gy, k, rows(g.own_y), own_y);
    take(g.e, rows(s.w), w, k, rows(g.own.w), own_w);
    cpu_conv.backward_input(g.e, g.own, own_y, own_w, own_x);
    put(g.e, rows(g.own.x), own_x, rows(s.x), int64_t{i} * g.own.x.c, false, gx);
  }
}

void grouped_backward_weight(Exec& e, const ConvShape& s, const float* x, const float* gy,
                             bool accumulate, float* gw) {
  Groups g(e, s);
  float *own_x = g.room<float>(g.own.x.size()), *own_w = g.room<float>(g.own.w.size()),
        *own_y = g.room<float>(g.own_y.size());
  for (int i = 0; i < s.groups; ++i) {
    const int64_t k = int64_t{i} * g.own.w.k;
    take(g.e, rows(s.x), x, int64_t{i} * g.own.x.c, rows(g.own.x), own_x);
    take(g.e, rows(g.y), gy, k, rows(g.own_y), own_y);
    cpu_conv.backward_weight(g.e, g.own, own_x, own_y, false, own_w);
    put(g.e, rows(g.own.w), own_w, rows(s.w), k, accumulate, gw);
  }
}

void grouped_quantized(Exec& e, const ConvShape& s, const QuantizedImage& x, const int8_t* packed,
                       int32_t* y) {
  Groups g(e, s);
  const int64_t size = PackedQuantized(g.own, nullptr).size();
  int32_t* own_y = g.room<int32_t>(g.own_y.size());
  with_quantized_type(x.type, [&]<class T>() {
    T* own_x = g.room<T>(g.own.x.size());
    for (int i = 0; i < s.groups; ++i) {
      take(g.e, rows(s.x), static_cast<const T*>(x.data), int64_t{i} * g.own.x.c, rows(g.own.x),
           own_x);
      cpu_conv.forward_quantized(g.e, g.own, {own_x, x.type, x.range}, packed + i * size, own_y,
                                 {});
      put(g.e, rows(g.own_y), own_y, rows(g.y), int64_t{i} * g.own.w.k, false, y);
    }
  });
}

namespace {

// Columns of a filter: one group's, or the whole one's.
void copy_columns(const FilterView& from, const int8_t* w, int64_t at, const FilterView& to,
                  int64_t to_at, int8_t* y) {
  const int count = std::min(from.k, to.k);
  for (int64_t row = 0; row < rows(to).rows; ++row)
    std::copy_n(w + row * from.ks + at, count, y + row * to.ks + to_at);
}

}  // namespace

std::vector<int8_t> pack_grouped_quantized(const ConvShape& s, const int8_t* w) {
  const ConvShape own = shape_of_group(s);
  std::vector<int8_t> packed, filter(static_cast<size_t>(own.w.size()), 0);
  for (int i = 0; i < s.groups; ++i) {
    copy_columns(s.w, w, int64_t{i} * own.w.k, own.w, 0, filter.data());
    const std::vector<int8_t> quantized = pack_quantized(own, filter.data());
    packed.insert(packed.end(), quantized.begin(), quantized.end());
  }
  return packed;
}

void unpack_grouped_quantized(const ConvShape& s, const int8_t* packed, int8_t* w) {
  const ConvShape own = shape_of_group(s);
  const int64_t size = PackedQuantized(own, nullptr).size();
  std::vector<int8_t> filter(static_cast<size_t>(own.w.size()));
  std::fill_n(w, s.w.size(), int8_t{0});
  for (int i = 0; i < s.groups; ++i) {
    unpack_quantized(own, packed + i * size, filter.data());
    copy_columns(own.w, filter.data(), 0, s.w, int64_t{i} * own.w.k, w);
  }
}

}  // namespace gsx::kernels
