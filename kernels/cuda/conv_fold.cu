// The last step of a reflecting convolution's input gradient: the padded border folds back.
#include "kernels/cuda/conv_lanes.h"
#include "kernels/cuda/conv_launch.h"

namespace gsx::kernels::GSX_BACKEND::convolution {

struct FoldParams {
  Output<float> out;
  int groups;     // of kWidth channels
  int64_t count;  // of groups of all pixels
};

constexpr int kFoldThreads = 256;

// Position `which` (0, 1, 2: before, inside, behind) of the padded axis that shows pixel i of n, or
// -1.
__device__ inline int mirror(int which, int i, int n, int pad, int wide) {
  if (which == 1) return pad + i;
  if (which == 0) return i >= 1 && i <= pad ? pad - i : -1;
  const int far = pad + 2 * n - 2 - i;
  return i <= n - 2 && far < wide ? far : -1;
}

// One thread per group of kWidth channels of a pixel; most pixels have no mirror image.
template <int kWidth>
__global__ void __launch_bounds__(kFoldThreads) fold_kernel(const FoldParams p) {
  const int64_t index = int64_t{blockIdx.x} * kFoldThreads + threadIdx.x;
  if (index >= p.count) return;
  const Output<float>& out = p.out;
  const int pixel = static_cast<int>(index / p.groups), row = pixel / out.w;
  const int channel = static_cast<int>(index - int64_t{pixel} * p.groups) * kWidth;
  const int x = pixel - row * out.w, image = row / out.h, y = row - image * out.h;
  int ys[3], xs[3];
#pragma unroll
  for (int m = 0; m < 3; ++m) {
    ys[m] = mirror(m, y, out.h, out.top, out.wide_h);
    xs[m] = mirror(m, x, out.w, out.left, out.wide_w);
  }
  if (ys[0] < 0 && ys[2] < 0 && xs[0] < 0 && xs[2] < 0) return;
  float* to = out.data + static_cast<int64_t>(pixel) * out.cs + channel;
  Lanes<kWidth> sum = Lanes<kWidth>::load(to);
#pragma unroll
  for (int i = 0; i < 3; ++i) {
#pragma unroll
    for (int j = 0; j < 3; ++j) {
      if ((i == 1 && j == 1) || ys[i] < 0 || xs[j] < 0) continue;
      sum.add(Lanes<kWidth>::load(out.pixel(image, ys[i], xs[j]) + channel));
    }
  }
  sum.store(to);
}

void fold_ring(Exec& e, const FloatCorrelation& c) {
  const bool vector = c.out.cs % 4 == 0;
  FoldParams p;
  p.out = c.out;
  p.groups = vector ? c.out.cs / 4 : c.out.cs;
  p.count = int64_t{c.plan.images} * c.out.h * c.out.w * p.groups;
  launch_blocks("conv_fold", vector ? fold_kernel<4> : fold_kernel<1>,
                (p.count + kFoldThreads - 1) / kFoldThreads, kFoldThreads, 0, e, p);
}

}  // namespace gsx::kernels::GSX_BACKEND::convolution
