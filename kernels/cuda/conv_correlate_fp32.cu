// Correlations in exact FP32: tile shapes and their choice.
#include "kernels/cuda/conv_correlate.h"
#include "kernels/cuda/conv_launch.h"
#include "kernels/cuda/conv_simt.h"

namespace gsx::kernels::GSX_BACKEND::convolution {
namespace {

using Wide = SimtShape<128, 64, 2, 2>;
using Narrow = SimtShape<128, 32, 4, 1>;
using Small = SimtShape<64, 64, 2, 2>;  // more blocks for small images

template <class Problem>
void run(Exec& e, FloatCorrelation c) {
  using Shape = typename Problem::Shape;
  using Shared = SimtShared<Shape, Problem::SourceA::kLayout, Problem::SourceB::kLayout>;
  c.tiles_m = tiles(c.plan.outputs(), Shape::kM);
  c.tiles_n = tiles(c.out.cs, Shape::kN);
  launch_blocks("conv_fp32", simt_kernel<Problem>, c.blocks(), Shape::kThreads, sizeof(Shared), e,
                c);
}

template <class Shape, bool kScalar>
void run_direction(Exec& e, const FloatCorrelation& c) {
  if (c.swapped) {
    run<CorrelateProblem<Shape, true, kScalar>>(e, c);
  } else {
    run<CorrelateProblem<Shape, false, kScalar>>(e, c);
  }
}

}  // namespace

// The tile has no say in the results: every sum runs over the contraction in the same order.
void correlate_fp32(Exec& e, const FloatCorrelation& c) {
  const bool narrow = c.out.cs <= Narrow::kN;
  const int64_t wide_blocks =
      int64_t{tiles(c.plan.outputs(), Wide::kM)} * c.plan.phases() * tiles(c.out.cs, Wide::kN);
  if (c.in.c <= 4) {
    narrow ? run_direction<Narrow, true>(e, c) : run_direction<Wide, true>(e, c);
  } else if (narrow) {
    run_direction<Narrow, false>(e, c);
  } else if (wide_blocks >= kManyBlocks) {
    run_direction<Wide, false>(e, c);
  } else {
    run_direction<Small, false>(e, c);
  }
}

}  // namespace gsx::kernels::GSX_BACKEND::convolution
