// Gradients of filters in exact FP32.
#include "kernels/cuda/conv_weight.h"

#include "kernels/cuda/conv_launch.h"
#include "kernels/cuda/conv_simt.h"
#include "kernels/cuda/conv_weight_few.h"

namespace gsx::kernels::GSX_BACKEND::convolution {
namespace {

using Wide = SimtShape<128, 64, 2, 2>;
using Narrow = SimtShape<128, 32, 4, 1>;
using Few = SimtShape<64, 64, 2, 2>;

template <class Problem>
void run(Exec& e, WeightGradient g, int rows, int columns, bool accumulate, float* gw) {
  using Shape = typename Problem::Shape;
  using Shared = SimtShared<Shape, Problem::SourceA::kLayout, Problem::SourceB::kLayout>;
  const WeightParts parts(e, g, Shape::kM, Shape::kN, rows, columns);
  launch_blocks("conv_weight_fp32", simt_kernel<Problem>, parts.blocks(), Shape::kThreads,
                sizeof(Shared), e, parts.gradient);
  parts.reduce(accumulate, gw);
}

template <class Shape>
void run_big(Exec& e, const WeightGradient& g, bool accumulate, float* gw) {
  const int rows = g.taps * g.big.cs, columns = g.small.cs;
  if (g.big.c <= 4) {
    run<WeightProblem<Shape, true>>(e, g, rows, columns, accumulate, gw);
  } else {
    run<WeightProblem<Shape, false>>(e, g, rows, columns, accumulate, gw);
  }
}

}  // namespace

void weight_gradient_fp32(Exec& e, const WeightGradient& g, bool accumulate, float* gw) {
  if (g.small.cs <= Narrow::kN) {
    run_big<Narrow>(e, g, accumulate, gw);
  } else {
    run_big<Wide>(e, g, accumulate, gw);
  }
}

void weight_gradient_few(Exec& e, const WeightGradient& g, bool accumulate, float* gw) {
  const int rows = g.big.cs, columns = g.taps * g.small.cs;
  if (g.big.c <= 4) {
    run<FewWeightProblem<Few, true>>(e, g, rows, columns, accumulate, gw);
  } else {
    run<FewWeightProblem<Few, false>>(e, g, rows, columns, accumulate, gw);
  }
}

}  // namespace gsx::kernels::GSX_BACKEND::convolution
