// The launchers of mma_kernels.cu, for the table in clean_kernels.cu.
#pragma once

namespace gsx::kernels::GSX_BACKEND {

void gemm_tf32(int m, int n, int k, const float* a, const float* b, float* c, void* stream);
void gemm_bf16(int m, int n, int k, const float* a, const float* b, float* c, void* stream);

}  // namespace gsx::kernels::GSX_BACKEND
