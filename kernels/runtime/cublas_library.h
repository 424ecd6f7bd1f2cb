// The part of the interface of cuBLAS 12 and 13 that gsx calls, by hand, so that building needs no
// cuBLAS. Where its headers are, kernels/runtime/nvcc/cublas_check.cpp holds these against them.
#pragma once
#include <cstddef>

#include "kernels/runtime/shared_library.h"

namespace gsx::kernels::cublas {

using Status = int;
constexpr Status kSuccess = 0;
constexpr int kNoTranspose = 0, kTranspose = 1;                  // cublasOperation_t
constexpr int kNoAtomics = 0;                                    // cublasAtomicsMode_t
constexpr int kFloat = 0;                                        // cudaDataType
constexpr int kCompute32 = 68, kByBf16 = 75, kByTf32 = 77;       // cublasComputeType_t
constexpr int kHeuristic = -1;                                   // cublasGemmAlgo_t
constexpr int kMajorVersion = 0, kMinorVersion = 1, kPatch = 2;  // libraryPropertyType

using Handle = struct HandleOf*;

// Each member is the function cublas + its name. Matrices are column-major.
struct Functions {
  explicit Functions(const SharedLibrary&);

  Status (*GetProperty)(int property, int* value);
  const char* (*GetStatusString)(Status);
  Status (*Create_v2)(Handle*);
  Status (*Destroy_v2)(Handle);
  Status (*SetStream_v2)(Handle, void*);
  Status (*SetWorkspace_v2)(Handle, void*, size_t bytes);
  Status (*SetAtomicsMode)(Handle, int mode);
  Status (*GemmStridedBatchedEx)(Handle, int op_a, int op_b, int m, int n, int k, const void* alpha,
                                 const void* a, int type_a, int lda, long long next_a,
                                 const void* b, int type_b, int ldb, long long next_b,
                                 const void* beta, void* c, int type_c, int ldc, long long next_c,
                                 int batch, int compute, int algorithm);
};

// Calls visit(name, pointer) for every function.
template <class F, class Visit>
void for_each_function(F& f, Visit&& visit) {
#define GSX_VISIT(name) visit("cublas" #name, f.name)
  GSX_VISIT(GetProperty);
  GSX_VISIT(GetStatusString);
  GSX_VISIT(Create_v2);
  GSX_VISIT(Destroy_v2);
  GSX_VISIT(SetStream_v2);
  GSX_VISIT(SetWorkspace_v2);
  GSX_VISIT(SetAtomicsMode);
  GSX_VISIT(GemmStridedBatchedEx);
#undef GSX_VISIT
}

inline Functions::Functions(const SharedLibrary& library) {
  for_each_function(*this, [&](const char* name, auto& function) { library.find(name, function); });
}

}  // namespace gsx::kernels::cublas
