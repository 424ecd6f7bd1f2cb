// Stands in for cuBLAS: a library with its functions that multiplies on the host in double
// precision, column-major as cuBLAS does, of elements rounded as the compute type says, and refuses
// what cuBLAS would not take or would not repeat. The environment variable GSX_FAKE_CUBLAS asks for
// faults: "old", "no_device".
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "kernels/runtime/cublas_library.h"

namespace {

using namespace gsx::kernels::cublas;

constexpr int kNotInitialized = 1, kInvalidValue = 7;
constexpr size_t kLeastScratch = size_t{4} << 20, kAlignment = 256;

int live = 0, rounding = 0;  // handles that exist; products of rounded elements

bool faulty(const char* what) {
  const char* wanted = std::getenv("GSX_FAKE_CUBLAS");
  return wanted && std::strcmp(wanted, what) == 0;
}

struct Library {
  bool has_stream = false, repeats = false;
  void* scratch = nullptr;
};

// A column-major factor op(m): element (row, column) of what is multiplied, rounded to so many
// bits.
struct Factor {
  const float* data;
  bool transposed;
  int64_t ld;
  uint32_t dropped;  // low bits of a float

  double at(int64_t row, int64_t column) const {
    const float v = transposed ? data[row * ld + column] : data[column * ld + row];
    uint32_t bits;
    std::memcpy(&bits, &v, sizeof(v));
    if (dropped) bits = (bits + (uint32_t{1} << (dropped - 1))) >> dropped << dropped;
    float rounded;
    std::memcpy(&rounded, &bits, sizeof(bits));
    return rounded;
  }
};

bool known(int op) { return op == kNoTranspose || op == kTranspose; }

}  // namespace

extern "C" {

// For the test.
int fake_cublas_live() { return live; }
int fake_cublas_rounding() { return rounding; }

int cublasGetProperty(int property, int* value) {
  if (property < kMajorVersion || property > kPatch) return kInvalidValue;
  const int version[] = {faulty("old") ? 11 : 13, 1, 2};
  *value = version[property];
  return kSuccess;
}
const char* cublasGetStatusString(int status) {
  return status == kNotInitialized ? "CUBLAS_STATUS_NOT_INITIALIZED"
                                   : "CUBLAS_STATUS_INVALID_VALUE";
}
int cublasCreate_v2(Library** p) {
  if (faulty("no_device")) return kNotInitialized;
  *p = new Library;
  ++live;
  return kSuccess;
}
int cublasDestroy_v2(Library* l) {
  delete l;
  --live;
  return kSuccess;
}
int cublasSetStream_v2(Library* l, void*) {
  l->has_stream = true;
  l->scratch = nullptr;  // as cuBLAS does
  return kSuccess;
}
int cublasSetWorkspace_v2(Library* l, void* p, size_t bytes) {
  if (!p || reinterpret_cast<uintptr_t>(p) % kAlignment != 0 || bytes < kLeastScratch)
    return kInvalidValue;
  l->scratch = p;
  return kSuccess;
}
int cublasSetAtomicsMode(Library* l, int mode) {
  l->repeats = mode == kNoAtomics;
  return kSuccess;
}
int cublasGemmStridedBatchedEx(Library* l, int op_a, int op_b, int m, int n, int k,
                               const void* alpha, const void* a, int type_a, int lda,
                               long long next_a, const void* b, int type_b, int ldb,
                               long long next_b, const void* beta, void* c, int type_c, int ldc,
                               long long next_c, int batch, int compute, int algorithm) {
  const uint32_t dropped = compute == kByBf16 ? 16 : compute == kByTf32 ? 13 : 0;
  const bool right = l->has_stream && l->repeats && l->scratch && known(op_a) && known(op_b) &&
                     type_a == kFloat && type_b == kFloat && type_c == kFloat && m > 0 && n > 0 &&
                     k > 0 && batch > 0 && lda >= (op_a == kTranspose ? k : m) &&
                     ldb >= (op_b == kTranspose ? n : k) && ldc >= m &&
                     (dropped || compute == kCompute32) && algorithm == kHeuristic;
  if (!right) return kInvalidValue;
  if (dropped) ++rounding;
  std::memset(l->scratch, 0xff, 4096);
  const double scale = *static_cast<const float*>(alpha), keep = *static_cast<const float*>(beta);
  for (int64_t i = 0; i < batch; ++i) {
    const Factor fa = {static_cast<const float*>(a) + i * next_a, op_a == kTranspose, lda, dropped};
    const Factor fb = {static_cast<const float*>(b) + i * next_b, op_b == kTranspose, ldb, dropped};
    float* out = static_cast<float*>(c) + i * next_c;
    for (int64_t column = 0; column < n; ++column) {
      for (int64_t row = 0; row < m; ++row) {
        double sum = 0;
        for (int64_t j = 0; j < k; ++j) sum += fa.at(row, j) * fb.at(j, column);
        float& to = out[column * ldc + row];
        to = static_cast<float>(scale * sum + (keep == 0 ? 0 : keep * to));
      }
    }
  }
  return kSuccess;
}

}  // extern "C"
