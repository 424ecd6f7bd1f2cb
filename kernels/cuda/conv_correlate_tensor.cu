// Correlations on tensor cores: tile shapes and their choice.
#include "kernels/cuda/conv_correlate.h"
#include "kernels/cuda/conv_launch.h"
#include "kernels/cuda/conv_tensor.h"

namespace gsx::kernels::GSX_BACKEND::convolution {
namespace {

template <MathMode kMath>
using Narrow = TensorShape<kMath, 128, 32, 4, 1>;
template <MathMode kMath>
using Small = TensorShape<kMath, 64, 64, 2, 2>;  // more blocks for small images

template <class Problem>
void launch(Exec& e, const typename Problem::Params& c) {
  using Shape = typename Problem::Shape;
  using Shared = TensorShared<Shape, Problem::SourceA::kLayout, Problem::SourceB::kLayout>;
  launch_blocks(Shape::kHalf ? "conv_bf16" : "conv_tf32", tensor_kernel<Problem>, c.blocks(),
                Shape::kThreads, sizeof(Shared), e, c);
}

template <class Shape>
void run(Exec& e, FloatCorrelation c, Moments moments) {
  c.tiles_m = tiles(c.plan.outputs(), Shape::kM);
  c.tiles_n = tiles(c.out.cs, Shape::kN);
  if (c.swapped) return launch<CorrelateProblem<Shape, true>>(e, c);
  if (!moments) return launch<CorrelateProblem<Shape, false>>(e, c);
  const auto pieces = MomentPieces::of<Shape>(e, c);
  launch<CorrelateProblem<Shape, false, false, true>>(e, pieces.correlation);
  pieces.merge(moments);
}

template <MathMode kMath>
void run_math(Exec& e, const FloatCorrelation& c, Moments moments) {
  using Large = LargeTensorShape<kMath>;
  const int64_t large_blocks =
      int64_t{tiles(c.plan.outputs(), Large::kM)} * c.plan.phases() * tiles(c.out.cs, Large::kN);
  if (c.out.cs <= Narrow<kMath>::kN) {
    run<Narrow<kMath>>(e, c, moments);
  } else if (c.out.cs > Small<kMath>::kN && large_blocks >= kManyBlocks / 2) {
    run<Large>(e, c, moments);
  } else {
    run<Small<kMath>>(e, c, moments);
  }
}

}  // namespace

void correlate_tf32(Exec& e, const FloatCorrelation& c, Moments moments) {
  run_math<MathMode::tf32>(e, c, moments);
}
void correlate_bf16(Exec& e, const FloatCorrelation& c, Moments moments) {
  run_math<MathMode::bf16>(e, c, moments);
}

}  // namespace gsx::kernels::GSX_BACKEND::convolution
