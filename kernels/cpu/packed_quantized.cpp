// Packing quantised filters, once for all images.
#include "kernels/cpu/packed_quantized.h"

namespace gsx::kernels {
namespace {

// The same convolution of an image so large that every part of it has pixels.
Geometry of_large_image(ConvShape shape) {
  constexpr int kLarge = 1 << 14;
  shape.x = View::of(1, kLarge, kLarge, shape.w.c);
  return Geometry::of(shape);
}

// Calls f(place among the weights as they lie, place in the panels) for every weight of a part.
template <class F>
void each_weight(const PackedQuantized& packed, size_t part, const FilterView& f, F&& visit) {
  const Correlation& c = packed.correlation(part);
  const Runs& runs = packed.runs(part);
  const int64_t padded = packed.padded(part), row = runs.merged ? c.x.taps : 1;
  for (int tap = 0; tap < c.taps(); ++tap) {
    const int r = c.y.tap0 + tap / c.x.taps * c.y.tap_step;
    const int s = c.x.tap0 + tap % c.x.taps * c.x.tap_step;
    const int64_t run = tap / row, first = tap % row * f.c;
    for (int i = 0; i < f.c; ++i) {
      const int64_t from = f.offset(r, s, i), j = first + i;
      for (int k = 0; k < f.k; ++k) {
        if (packed.few()) {
          visit(from + k, k, (k * runs.count + run) * padded + j);
          continue;
        }
        const int panel = k / kPanel * kPanel, width = panel_width(panel, packed.outputs());
        visit(from + k, k,
              (int64_t{panel} * runs.count + run * width) * padded +
                  j / kQuantizedGroup * kQuantizedGroup * width + (k - panel) * kQuantizedGroup +
                  j % kQuantizedGroup);
      }
    }
  }
}

}  // namespace

PackedQuantized::PackedQuantized(const ConvShape& shape, const int8_t* data)
    : data_(data), outputs_(shape.w.ks), columns_(shape.stride.x) {
  const Geometry g = of_large_image(shape);
  parts_ = shape.transposed ? spread_correlations(g) : gather_correlations(g);
  for (size_t part = 0; part < parts_.size(); ++part) {
    runs_.emplace_back(parts_[part], View::of(1, 1, 1, shape.w.c));
    at_.push_back(size_);
    size_ += static_cast<int64_t>(sizeof(int32_t)) * outputs_;
    size_ += int64_t{runs_[part].count} * padded(part) * outputs_;
  }
}

std::vector<int8_t> pack_quantized(const ConvShape& shape, const int8_t* w) {
  std::vector<int8_t> data(static_cast<size_t>(PackedQuantized(shape, nullptr).size()), 0);
  const PackedQuantized packed(shape, data.data());
  for (size_t part = 0; part < packed.count(); ++part) {
    int8_t* to = data.data() + packed.panels_at(part);
    auto* sums = reinterpret_cast<int32_t*>(to) - packed.outputs();
    each_weight(packed, part, shape.w, [&](int64_t from, int k, int64_t at) {
      to[at] = w[from];
      sums[k] += w[from];
    });
  }
  return data;
}

void unpack_quantized(const ConvShape& shape, const int8_t* data, int8_t* w) {
  const PackedQuantized packed(shape, data);
  std::fill_n(w, shape.w.size(), int8_t{0});
  for (size_t part = 0; part < packed.count(); ++part) {
    const int8_t* from = packed.panels(part);
    each_weight(packed, part, shape.w, [&](int64_t to, int, int64_t at) { w[to] = from[at]; });
  }
}

}  // namespace gsx::kernels
