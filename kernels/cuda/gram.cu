// Gram matrices by the convolution kernels, as on the CPU: G = F F^T is the weight gradient of a
// 1x1 convolution with itself, and its backward pass is a 1x1 convolution by the symmetric
// gradient. So they run on tensor cores where Exec::math says so.
#include "kernels/cuda/gram.h"

#include "kernels/cuda/map.h"
#include "kernels/cuda/tables.h"

namespace gsx::kernels::GSX_BACKEND {

namespace grams {

// y[c][d] = sums[c][d] * scale: from rows of cs to rows of c floats. Moves 8 bytes per element.
__global__ void __launch_bounds__(kMapThreads)
    scale_kernel(const int c, const int cs, const double scale, const float* sums, float* y) {
  const int64_t at = map_thread();
  if (at >= int64_t{c} * c) return;
  y[at] = static_cast<float>(sums[at / c * cs + at % c] * scale);
}

// both[c][d] = scale (g[c][d] + g[d][c]), rows of cs floats with zeros from c on. The reads along
// columns are few enough to come from the cache: c^2 floats, at most a few MiB.
__global__ void __launch_bounds__(kMapThreads)
    symmetric_kernel(const int c, const int cs, const float scale, const float* g, float* both) {
  const int64_t at = map_thread();
  if (at >= int64_t{c} * cs) return;
  const int64_t row = at / cs, column = at % cs;
  both[at] = column < c ? scale * (g[row * c + column] + g[column * c + row]) : 0.0f;
}

void symmetric(Exec& e, const View& v, const float* g, float* both) {
  const int64_t size = int64_t{v.c} * v.cs;
  gpu::launch("gram_symmetric", symmetric_kernel, {map_blocks(size)}, {kMapThreads}, 0, e.stream,
              v.c, v.cs, static_cast<float>(gram_scale(v)), g, both);
}

}  // namespace grams

namespace {

void forward(Exec& e, const View& v, const float* x, float* y) {
  Workspace::Scope scope(*e.workspace);
  const ConvShape shape = gram_conv(v);
  float* sums = e.workspace->take<float>(shape.w.size());
  const int64_t size = int64_t{v.c} * v.c;
  for (int n = 0; n < v.n; ++n) {
    const float* image = x + n * v.image();
    conv.backward_weight(e, shape, image, image, false, sums);
    gpu::launch("gram_scale", grams::scale_kernel, {map_blocks(size)}, {kMapThreads}, 0, e.stream,
                v.c, v.cs, gram_scale(v), sums, y + n * size);
  }
}

void backward(Exec& e, const View& v, const float* x, const float* gy, float* gx) {
  Workspace::Scope scope(*e.workspace);
  const ConvShape shape = gram_conv(v);
  float* both = e.workspace->take<float>(shape.w.size());
  const int64_t size = int64_t{v.c} * v.c;
  for (int n = 0; n < v.n; ++n) {
    grams::symmetric(e, v, gy + n * size, both);
    conv.forward(e, shape, x + n * v.image(), both, nullptr, gx + n * v.image(), {});
  }
}

}  // namespace

const GramKernels gram = {forward, backward};

}  // namespace gsx::kernels::GSX_BACKEND
