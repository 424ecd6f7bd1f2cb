// Copies of boxes, a run along the last axis at a time. Nothing is computed: one version serves
// every instruction set.
#include "kernels/strided.h"

#include "kernels/cpu/parallel.h"

namespace gsx::kernels {
namespace {

struct Place {
  int64_t from, to;
};

// Where run `i` starts.
Place place_of(const StridedBox& box, int64_t i) {
  Place at = {0, 0};
  for (int k = box.axes - 2; k >= 0; --k) {
    const int64_t along = i % box.extent[k];
    i /= box.extent[k];
    at.from += along * box.from[k];
    at.to += along * box.to[k];
  }
  return at;
}

void copy(Exec& e, const StridedBox& box, const float* from, float* to) {
  if (box.axes == 0 || box.count() == 0) return;
  const int last = box.axes - 1;
  const int64_t length = box.extent[last], a = box.from[last], b = box.to[last];
  e.pool->for_ranges(box.count() / length, pixel_grain(length), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const Place at = place_of(box, i);
      const float* source = from + at.from;
      float* target = to + at.to;
      if (a == 1 && b == 1) std::copy_n(source, length, target);
      else
        for (int64_t k = 0; k < length; ++k) target[k * b] = source[k * a];
    }
  });
}

}  // namespace

const StridedKernels cpu_strided = {copy};

}  // namespace gsx::kernels
