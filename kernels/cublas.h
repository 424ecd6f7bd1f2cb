// cuBLAS, NVIDIA's library of matrix products, found and loaded at run time: nothing is linked, so
// a program that never asks for it needs none. kernels/cuda/cublas_gemm.cu states our operations as
// its products.
#pragma once
#include <memory>
#include <string>

#include "kernels/exec.h"
#include "kernels/lookup.h"

namespace gsx::kernels {

// A batch of matrices in device memory, each row-major.
struct CublasMatrix {
  const float* data = nullptr;
  int row = 0;              // elements from row to row
  bool transposed = false;  // the factor is the transpose of what lies there
  int64_t next = 0;         // elements from matrix to matrix
};

// c = scale * a * b, or c += that: c has `rows` and `columns`, a row of a and a column of b `depth`
// elements.
struct CublasProduct {
  int rows = 0, columns = 0, depth = 0, batch = 1;
  float scale = 1;
  bool accumulate = false;
  MathMode math = MathMode::fp32;  // what a's and b's elements are rounded to; sums are FP32
};

class Cublas {
 public:
  // A handle for the calling thread's device and this stream. The library is what GSX_CUBLAS names
  // or libcublas.so.13 or .12. A Failure says what was tried and what to do.
  Cublas(void* stream, Lookup lookup);
  ~Cublas();
  Cublas(const Cublas&) = delete;
  Cublas& operator=(const Cublas&) = delete;

  std::string version() const;  // "13.1.0"

  // The same bits on every run: no atomics, and scratch memory, from the workspace, of one size.
  void multiply(Exec&, const CublasProduct&, const CublasMatrix& a, const CublasMatrix& b, float* c,
                int c_row, int64_t c_next = 0);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gsx::kernels
