// What Gram matrices by our kernels and by a library share.
#pragma once
#include "kernels/gram.h"
#include "kernels/gram_geometry.h"

namespace gsx::kernels::GSX_BACKEND::grams {

// both[c][d] = (g[c][d] + g[d][c]) / (c*h*w) for one image of v, rows of cs floats with zeros from
// c on: the gradient is x times that.
void symmetric(Exec&, const View&, const float* g, float* both);

}  // namespace gsx::kernels::GSX_BACKEND::grams
