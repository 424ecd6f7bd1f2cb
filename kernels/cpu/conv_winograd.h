// Winograd convolution: 36 products for up to 25 pixels of up to 16 taps each.
#pragma once
#include "kernels/cpu/moments.h"
#include "kernels/cpu/winograd_plan.h"

namespace gsx::kernels {

// Whether the algorithm applies.
bool winograd_possible(const WinogradPlan&, const View& in, const View& out);

// As correlate_direct, for the outputs of a plan that winograd_possible accepts, without its rest.
void correlate_winograd(Exec&, const WinogradPlan&, const View& in, const View& out, PadMode,
                        const Weights<float>& w, const float* x, const float* bias, float* y,
                        const ImageMoments* moments);

// The input's gradient of a stride-1 convolution whose reflected border would cost the way above
// more tiles than its output has: the forward algorithm's transpose, whose tiles add to gx what
// they read from x, border pixels where they came from. `plan` is the forward pass's.
bool winograd_spread_pays(const ConvShape&, const WinogradPlan&);
void spread_winograd(Exec&, const ConvShape&, const WinogradPlan&, const float* gy, const float* w,
                     float* gx);

// The weight gradient's plan: of the correlation that gathers small pixels from big ones.
bool winograd_weight_possible(const ConvShape&, const WinogradPlan&);
void weight_gradient_winograd(Exec&, const ConvShape&, const WinogradPlan&, const float* x,
                              const float* gy, bool accumulate, float* gw);

}  // namespace gsx::kernels
