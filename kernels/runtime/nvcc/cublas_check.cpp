// Holds what kernels/runtime/cublas_library.h says of cuBLAS against cuBLAS's own headers.
#include <cublas_v2.h>

#include "kernels/runtime/cublas_library.h"
#include "kernels/runtime/nvcc/alike.h"

namespace gsx::kernels::cublas {
namespace {

#define GSX_SAME(name) static_assert(alike(decltype(Functions::name){}, decltype(&cublas##name){}))
GSX_SAME(GetProperty);
GSX_SAME(GetStatusString);
GSX_SAME(Create_v2);
GSX_SAME(Destroy_v2);
GSX_SAME(SetStream_v2);
GSX_SAME(SetWorkspace_v2);
GSX_SAME(SetAtomicsMode);
#undef GSX_SAME

// The header overloads this one for C++, so the library's own is named by its type.
using Gemm = cublasStatus_t (*)(cublasHandle_t, cublasOperation_t, cublasOperation_t, int, int, int,
                                const void*, const void*, cudaDataType, int, long long, const void*,
                                cudaDataType, int, long long, const void*, void*, cudaDataType, int,
                                long long, int, cublasComputeType_t, cublasGemmAlgo_t);
[[maybe_unused]] constexpr Gemm kGemm = cublasGemmStridedBatchedEx;
static_assert(alike(decltype(Functions::GemmStridedBatchedEx){}, Gemm{}));

static_assert(kSuccess == CUBLAS_STATUS_SUCCESS && kNoAtomics == CUBLAS_ATOMICS_NOT_ALLOWED);
static_assert(kNoTranspose == CUBLAS_OP_N && kTranspose == CUBLAS_OP_T);
static_assert(kFloat == CUDA_R_32F && kHeuristic == CUBLAS_GEMM_DEFAULT);
static_assert(kCompute32 == CUBLAS_COMPUTE_32F && kByBf16 == CUBLAS_COMPUTE_32F_FAST_16BF);
static_assert(kByTf32 == CUBLAS_COMPUTE_32F_FAST_TF32);
static_assert(kMajorVersion == MAJOR_VERSION && kMinorVersion == MINOR_VERSION);
static_assert(kPatch == PATCH_LEVEL);

}  // namespace
}  // namespace gsx::kernels::cublas
