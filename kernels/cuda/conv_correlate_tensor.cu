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
void run(Exec& e, FloatCorrelation c) {
  using Shape = typename Problem::Shape;
  using Shared = TensorShared<Shape, Problem::SourceA::kLayout, Problem::SourceB::kLayout>;
  c.tiles_m = tiles(c.plan.outputs(), Shape::kM);
  c.tiles_n = tiles(c.out.cs, Shape::kN);
  launch_blocks(Shape::kHalf ? "conv_bf16" : "conv_tf32", tensor_kernel<Problem>, c.blocks(),
                Shape::kThreads, sizeof(Shared), e, c);
}

template <class Shape>
void run_direction(Exec& e, const FloatCorrelation& c) {
  if (c.swapped) {
    run<CorrelateProblem<Shape, true>>(e, c);
  } else {
    run<CorrelateProblem<Shape, false>>(e, c);
  }
}

template <MathMode kMath>
void run_math(Exec& e, const FloatCorrelation& c) {
  using Large = LargeTensorShape<kMath>;
  const int64_t large_blocks =
      int64_t{tiles(c.plan.outputs(), Large::kM)} * c.plan.phases() * tiles(c.out.cs, Large::kN);
  if (c.out.cs <= Narrow<kMath>::kN) {
    run_direction<Narrow<kMath>>(e, c);
  } else if (c.out.cs > Small<kMath>::kN && large_blocks >= kManyBlocks / 2) {
    run_direction<Large>(e, c);
  } else {
    run_direction<Small<kMath>>(e, c);
  }
}

}  // namespace

void correlate_tf32(Exec& e, const FloatCorrelation& c) { run_math<MathMode::tf32>(e, c); }
void correlate_bf16(Exec& e, const FloatCorrelation& c) { run_math<MathMode::bf16>(e, c); }

}  // namespace gsx::kernels::GSX_BACKEND::convolution
