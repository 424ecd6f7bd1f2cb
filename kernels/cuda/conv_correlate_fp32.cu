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
void launch(Exec& e, const typename Problem::Params& c) {
  using Shape = typename Problem::Shape;
  using Shared = SimtShared<Shape, Problem::SourceA::kLayout, Problem::SourceB::kLayout>;
  launch_blocks("conv_fp32", simt_kernel<Problem>, c.blocks(), Shape::kThreads, sizeof(Shared), e,
                c);
}

template <class Shape, bool kScalar>
void run(Exec& e, FloatCorrelation c, Moments moments) {
  c.tiles_m = tiles(c.plan.outputs(), Shape::kM);
  c.tiles_n = tiles(c.out.cs, Shape::kN);
  if (c.swapped) return launch<CorrelateProblem<Shape, true, kScalar>>(e, c);
  if (!moments) return launch<CorrelateProblem<Shape, false, kScalar>>(e, c);
  const auto pieces = MomentPieces::of<Shape>(e, c);
  launch<CorrelateProblem<Shape, false, kScalar, true>>(e, pieces.correlation);
  pieces.merge(moments);
}

}  // namespace

// The tile has no say in the results: every sum runs over the contraction in the same order.
void correlate_fp32(Exec& e, const FloatCorrelation& c, Moments moments) {
  const bool narrow = c.out.cs <= Narrow::kN;
  const int64_t wide_blocks =
      int64_t{tiles(c.plan.outputs(), Wide::kM)} * c.plan.phases() * tiles(c.out.cs, Wide::kN);
  if (c.in.c <= 4) {
    narrow ? run<Narrow, true>(e, c, moments) : run<Wide, true>(e, c, moments);
  } else if (narrow) {
    run<Narrow, false>(e, c, moments);
  } else if (wide_blocks >= kManyBlocks) {
    run<Wide, false>(e, c, moments);
  } else {
    run<Small, false>(e, c, moments);
  }
}

}  // namespace gsx::kernels::GSX_BACKEND::convolution
