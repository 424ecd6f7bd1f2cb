// The CUDA devices of a build that has them.
#include "kernels/backend.h"
#include "kernels/cuda/tables.h"

namespace gsx::kernels {

const Backend* cuda_backend() { return &cuda::backend; }

}  // namespace gsx::kernels
