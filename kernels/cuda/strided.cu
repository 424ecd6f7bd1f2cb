// Copies of boxes, a thread for an element, neighbouring ones along the last axis.
#include "kernels/strided.h"

#include "kernels/cuda/fast_divide.h"
#include "kernels/cuda/map.h"
#include "kernels/cuda/tables.h"

namespace gsx::kernels::GSX_BACKEND {

namespace boxes {

struct Divisors {
  FastDivide by[StridedBox::kMostAxes];
};

// Moves 8 bytes per element; how they meet in the cache follows from the strides.
__global__ void __launch_bounds__(kMapThreads)
    copy_kernel(const StridedBox box, const Divisors divisors, const int count, const float* from,
                float* to) {
  const int64_t thread = map_thread();
  if (thread >= count) return;
  int rest = static_cast<int>(thread);
  int64_t source = 0, target = 0;
#pragma unroll
  for (int k = StridedBox::kMostAxes - 1; k >= 0; --k) {
    const int above = divisors.by[k](rest), along = rest - above * static_cast<int>(box.extent[k]);
    source += along * box.from[k];
    target += along * box.to[k];
    rest = above;
  }
  to[target] = from[source];
}

}  // namespace boxes

namespace {

void copy(Exec& e, const StridedBox& box, const float* from, float* to) {
  const int64_t count = box.count();
  if (box.axes == 0 || count == 0) return;
  if (count > INT32_MAX) throw gpu::Failure("a copy of more than 2^31 - 1 elements");
  boxes::Divisors divisors;
  for (int k = 0; k < StridedBox::kMostAxes; ++k)
    divisors.by[k] = FastDivide::by(static_cast<int>(box.extent[k]));
  gpu::launch("strided_copy", boxes::copy_kernel, {map_blocks(count)}, {kMapThreads}, 0, e.stream,
              box, divisors, static_cast<int>(count), from, to);
}

}  // namespace

const StridedKernels strided = {copy};

}  // namespace gsx::kernels::GSX_BACKEND
