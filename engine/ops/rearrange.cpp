// slice, transpose, pixel_shuffle, pixel_unshuffle: one copy of a box of elements each, and its
// reverse for the gradient.
#include <algorithm>
#include <numeric>

#include "engine/ops/common.h"

namespace gsx {
using namespace ops;

namespace {

using kernels::StridedBox;

// How far neighbours along each dimension lie apart.
std::vector<int64_t> strides_of(const Tensor& t) {
  if (t.layout() == Layout::image) {
    const kernels::View v = t.view();
    return {v.image(), 1, static_cast<int64_t>(v.w) * v.cs, v.cs};
  }
  std::vector<int64_t> strides(static_cast<size_t>(t.shape().rank()), 1);
  for (int i = t.shape().rank() - 2; i >= 0; --i) strides[i] = strides[i + 1] * t.dim(i + 1);
  return strides;
}

// y, which is the box of x that starts `from` elements into it; what is not in it has gradient 0.
Tensor moved(const char* op, const Tensor& x, const StridedBox& box, int64_t from,
             const Tensor& y) {
  if (box.count() > 0) y.backend().strided.copy(y.exec(), box, in(x) + from, out(y));
  const bool whole = box.count() == x.numel();
  return record(y, op, {x}, [=, s = x.shape()](const Tensor& gy, Grads& grads) {
    const Tensor gx = whole ? Tensor::empty(gy.context(), s) : Tensor::zeros(gy.context(), s);
    gx.backend().strided.copy(gx.exec(), box.reversed(), in(gy), out(gx) + from);
    grads.add(0, gx);
  });
}

void check_movable(const char* op, const Tensor& x) {
  check_f32(op, "x", x);
  GSX_CHECK(x.layout() != Layout::filter && x.numel() > 0, op,
            ": x must be an image or dense, not empty, got shape ", x.shape());
}

// The copy from channels [N, C r^2, H, W] to pixels [N, C, H r, W r].
StridedBox shuffle_box(const kernels::View& deep, const kernels::View& flat, int r,
                       ShuffleOrder order) {
  const bool crd = order == ShuffleOrder::crd;
  const int64_t by_pixel = crd ? 1 : flat.c, by_channel = crd ? int64_t{r} * r : 1;
  const int64_t row = static_cast<int64_t>(flat.w) * flat.cs;
  StridedBox box;
  box.add(deep.n, deep.image(), flat.image());
  box.add(deep.h, static_cast<int64_t>(deep.w) * deep.cs, r * row);
  box.add(r, r * by_pixel, row);
  box.add(deep.w, deep.cs, static_cast<int64_t>(r) * flat.cs);
  box.add(r, by_pixel, flat.cs);
  box.add(flat.c, by_channel, 1);
  return box;
}

}  // namespace

int64_t SliceRange::first(int64_t extent) const {
  return std::clamp<int64_t>(begin < 0 ? begin + extent : begin, 0, extent);
}

int64_t SliceRange::count(int64_t extent) const {
  const int64_t stop = std::clamp<int64_t>(end < 0 ? end + extent : end, 0, extent);
  return std::max<int64_t>(0, (stop - first(extent) + step - 1) / step);
}

Tensor slice(const Tensor& x, const SliceRange& channels, const SliceRange& rows,
             const SliceRange& columns) {
  check_movable("slice", x);
  const bool image = x.layout() == Layout::image;
  GSX_CHECK(image || x.shape().rank() == 2,
            "slice: x must be an image N C H W or dense [N, C], got shape ", x.shape());
  const SliceRange* ranges[] = {&channels, &rows, &columns};
  const std::vector<int64_t> strides = strides_of(x);
  std::vector<int64_t> dims(x.shape().begin(), x.shape().end());
  int64_t from = 0;
  for (int d = 1; d < 4; ++d) {
    const SliceRange& range = *ranges[d - 1];
    GSX_CHECK(range.step >= 1, "slice: steps must be at least 1, got ", range.step);
    const int64_t extent = d < x.shape().rank() ? x.dim(d) : 1, count = range.count(extent);
    GSX_CHECK(count > 0, "slice: positions from ", range.begin, " to before ", range.end,
              " must lie in dimension ", d, " of x ", x.shape());
    if (d >= x.shape().rank()) continue;
    dims[d] = count;
    from += range.first(extent) * strides[d];
  }
  const Shape shape(dims.begin(), dims.end());
  const Tensor y = Tensor::empty(x.context(), shape);
  const std::vector<int64_t> to = strides_of(y);
  StridedBox box;
  for (const int d : image ? std::vector{0, 2, 3, 1} : std::vector{0, 1})
    box.add(dims[d], strides[d] * (d > 0 ? ranges[d - 1]->step : 1), to[d]);
  return moved("slice", x, box, from, y);
}

Tensor transpose(const Tensor& x, const std::vector<int>& axes) {
  check_movable("transpose", x);
  std::vector<int> sorted = axes, all(static_cast<size_t>(x.shape().rank()));
  std::sort(sorted.begin(), sorted.end());
  std::iota(all.begin(), all.end(), 0);
  GSX_CHECK(sorted == all, "transpose: axes must name each of the ", x.shape().rank(),
            " dimensions of x ", x.shape(), " once");
  std::vector<int64_t> dims;
  for (const int axis : axes) dims.push_back(x.dim(axis));
  const Shape shape(dims.begin(), dims.end());
  const Tensor y = Tensor::empty(x.context(), shape);
  const std::vector<int64_t> from = strides_of(x), to = strides_of(y);
  // The result is written as it lies.
  std::vector<int> order = all;
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return to[a] > to[b]; });
  StridedBox box;
  for (const int d : order) box.add(dims[d], from[axes[d]], to[d]);
  return moved("transpose", x, box, 0, y);
}

Tensor pixel_shuffle(const Tensor& x, int factor, ShuffleOrder order) {
  check_image("pixel_shuffle", "x", x);
  const int64_t each = int64_t{factor} * factor;
  GSX_CHECK(factor >= 1 && x.dim(1) % each == 0, "pixel_shuffle: x ", x.shape(),
            " must have a multiple of ", each, " channels for the factor ", factor);
  const Shape shape{x.dim(0), x.dim(1) / each, x.dim(2) * factor, x.dim(3) * factor};
  const Tensor y = Tensor::empty(x.context(), shape);
  return moved("pixel_shuffle", x, shuffle_box(x.view(), y.view(), factor, order), 0, y);
}

Tensor pixel_unshuffle(const Tensor& x, int factor, ShuffleOrder order) {
  check_image("pixel_unshuffle", "x", x);
  GSX_CHECK(factor >= 1 && x.dim(2) % factor == 0 && x.dim(3) % factor == 0,
            "pixel_unshuffle: the height and width of x ", x.shape(),
            " must be multiples of the factor ", factor);
  const Shape shape{x.dim(0), x.dim(1) * factor * factor, x.dim(2) / factor, x.dim(3) / factor};
  const Tensor y = Tensor::empty(x.context(), shape);
  const StridedBox box = shuffle_box(y.view(), x.view(), factor, order).reversed();
  return moved("pixel_unshuffle", x, box, 0, y);
}

}  // namespace gsx
