// The backward pass of instance norm, in a file of its own.
#pragma once
#include "kernels/instance_norm.h"

namespace gsx::kernels::GSX_BACKEND::norm {

void backward(Exec&, const View&, const NormEpilogue&, const InstanceNormBackward&);

}  // namespace gsx::kernels::GSX_BACKEND::norm
