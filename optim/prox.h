// The proximal step of the L1 penalty (Eqs. 13-14), to be taken after every SGD step on the scales.
#pragma once
#include <vector>

#include "engine/tensor.h"

namespace gsx {

// w becomes sgn(w) * max(|w| - threshold, 0), in place.
void soft_threshold(const Tensor& w, float threshold);

// For scales tied over several norms, all [C]: channel c's vector u of scales becomes
// u * max(0, 1 - t / ||u||_2), in place. t is the threshold; where there is a worth [C], all above
// 0, threshold / worth[c]. One tensor without a worth gives soft_threshold.
void block_soft_threshold(const std::vector<Tensor>& tied, float threshold,
                          const Tensor& worth = {});

}  // namespace gsx
