// Gradients of filters on tensor cores.
#include "kernels/cuda/conv_launch.h"
#include "kernels/cuda/conv_tensor.h"
#include "kernels/cuda/conv_weight.h"

namespace gsx::kernels::GSX_BACKEND::convolution {
namespace {

template <class Shape>
void run(Exec& e, const WeightGradient& g, bool accumulate, float* gw) {
  using Problem = WeightProblem<Shape, false>;
  using Shared = TensorShared<Shape, Layout::across_k, Layout::across_k>;
  const WeightParts parts(e, g, Shape::kM, Shape::kN, g.taps * g.big.cs, g.small.cs);
  launch_blocks(Shape::kHalf ? "conv_weight_bf16" : "conv_weight_tf32", tensor_kernel<Problem>,
                parts.blocks(), Shape::kThreads, sizeof(Shared), e, parts.gradient);
  parts.reduce(accumulate, gw);
}

template <MathMode kMath>
void run_math(Exec& e, const WeightGradient& g, bool accumulate, float* gw) {
  if (g.small.cs > 64) {
    run<LargeTensorShape<kMath>>(e, g, accumulate, gw);
  } else {
    run<TensorShape<kMath, 64, 64, 2, 2>>(e, g, accumulate, gw);
  }
}

}  // namespace

void weight_gradient_tf32(Exec& e, const WeightGradient& g, bool accumulate, float* gw) {
  run_math<MathMode::tf32>(e, g, accumulate, gw);
}
void weight_gradient_bf16(Exec& e, const WeightGradient& g, bool accumulate, float* gw) {
  run_math<MathMode::bf16>(e, g, accumulate, gw);
}

}  // namespace gsx::kernels::GSX_BACKEND::convolution
