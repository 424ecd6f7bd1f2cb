// Gram matrices by the convolution kernels: G = F F^T is the weight gradient of a 1x1 convolution
// with itself, and its backward pass is a 1x1 convolution by the symmetric gradient.
#include "kernels/gram.h"

#include "kernels/gram_geometry.h"

namespace gsx::kernels {
namespace {

void forward(Exec& e, const View& v, const float* x, float* y) {
  Workspace::Scope scope(*e.workspace);
  const ConvShape shape = gram_conv(v);
  float* sums = e.workspace->take<float>(shape.w.size());  // [c][cs]
  const double scale = gram_scale(v);
  for (int n = 0; n < v.n; ++n) {
    const float* image = x + n * v.image();
    cpu_conv.backward_weight(e, shape, image, image, false, sums);
    float* out = y + int64_t{n} * v.c * v.c;
    for (int64_t c = 0; c < v.c; ++c)
      for (int64_t d = 0; d < v.c; ++d)
        out[c * v.c + d] = static_cast<float>(sums[c * v.cs + d] * scale);
  }
}

void backward(Exec& e, const View& v, const float* x, const float* gy, float* gx) {
  Workspace::Scope scope(*e.workspace);
  const ConvShape shape = gram_conv(v);
  float* both = e.workspace->take<float>(shape.w.size());  // (gy + gy^T) * scale
  const float scale = static_cast<float>(gram_scale(v));
  for (int n = 0; n < v.n; ++n) {
    const float* g = gy + int64_t{n} * v.c * v.c;
    for (int64_t c = 0; c < v.c; ++c)
      for (int64_t d = 0; d < v.cs; ++d)
        both[c * v.cs + d] = d < v.c ? scale * (g[c * v.c + d] + g[d * v.c + c]) : 0.0f;
    cpu_conv.forward(e, shape, x + n * v.image(), both, nullptr, gx + n * v.image(), {});
  }
}

}  // namespace

const GramKernels cpu_gram = {forward, backward};

}  // namespace gsx::kernels
