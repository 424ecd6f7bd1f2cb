// Cutting batches and putting them together: copies of whole images as they lie.
#include "engine/ops/common.h"

namespace gsx {
using namespace ops;

namespace {

Shape with_batch(const Shape& s, int64_t n) {
  std::vector<int64_t> dims(s.begin(), s.end());
  dims[0] = n;
  return Shape(dims.begin(), dims.end());
}

void check_batch(const char* op, const char* argument, const Tensor& t) {
  check_f32(op, argument, t);
  GSX_CHECK(t.shape().rank() >= 1 && t.layout() != Layout::filter, op, ": ", argument,
            " must be a batch N ..., got shape ", t.shape());
}

// Copies `count` images of `from` to `to`, whose images are alike; both from where said.
void copy_images(const Tensor& from, int64_t from_first, const Tensor& to, int64_t to_first,
                 int64_t count) {
  const int64_t one = to.storage_size() / to.dim(0);
  to.context()->copy(in(from) + from_first * one, out(to) + to_first * one,
                     static_cast<size_t>(count * one) * sizeof(float));
}

}  // namespace

Tensor slice_batch(const Tensor& x, int64_t first, int64_t count) {
  check_batch("slice_batch", "x", x);
  GSX_CHECK(first >= 0 && count >= 1 && first <= x.dim(0) - count, "slice_batch: images ", first,
            " to ", first + count - 1, " must lie in the batch, which has ", x.dim(0));
  Tensor y = Tensor::empty(x.context(), with_batch(x.shape(), count));
  copy_images(x, first, y, 0, count);
  return record(y, "slice_batch", {x}, [=, s = x.shape()](const Tensor& gy, Grads& grads) {
    const Tensor gx = Tensor::zeros(gy.context(), s);
    copy_images(gy, 0, gx, first, count);
    grads.add(0, gx);
  });
}

Tensor concat_batch(const std::vector<Tensor>& xs) {
  GSX_CHECK(!xs.empty(), "concat_batch: needs at least one tensor, got none");
  int64_t n = 0;
  for (const Tensor& x : xs) {
    check_batch("concat_batch", "every tensor", x);
    check_device("concat_batch", "every tensor", x, "the first", xs[0]);
    GSX_CHECK(with_batch(x.shape(), 1) == with_batch(xs[0].shape(), 1),
              "concat_batch: all tensors must agree but for the batch, got ", xs[0].shape(),
              " and ", x.shape());
    n += x.dim(0);
  }
  Tensor y = Tensor::empty(xs[0].context(), with_batch(xs[0].shape(), n));
  int64_t at = 0;
  std::vector<int64_t> counts;
  for (const Tensor& x : xs) {
    copy_images(x, 0, y, at, x.dim(0));
    at += x.dim(0);
    counts.push_back(x.dim(0));
  }
  return record(y, "concat_batch", xs, [counts](const Tensor& gy, Grads& grads) {
    int64_t first = 0;
    for (size_t i = 0; i < counts.size(); ++i) {
      const int index = static_cast<int>(i);
      if (grads.wants(index)) {
        const Tensor gx = Tensor::empty(gy.context(), with_batch(gy.shape(), counts[i]));
        copy_images(gy, first, gx, 0, counts[i]);
        grads.add(index, gx);
      }
      first += counts[i];
    }
  });
}

}  // namespace gsx
