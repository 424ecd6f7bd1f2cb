// Matrix products by cuBLAS; see kernels/cublas.h.
#include "kernels/cublas.h"

#include "kernels/runtime/cublas_library.h"

namespace gsx::kernels {
namespace {

using namespace cublas;

// What NVIDIA recommends for its largest GPUs; with less, some products would be slow.
constexpr size_t kScratch = size_t{32} << 20;  // bytes
constexpr int kOldest = 12;

const LibraryName kName = {"cublas",          "cuBLAS",
                           "GSX_CUBLAS",      {"libcublas.so.13", "libcublas.so.12"},
                           "cuBLAS 12 or 13", "--gemm-provider gsx"};

int compute_type(MathMode math) {
  switch (math) {
    case MathMode::tf32: return kByTf32;
    case MathMode::bf16: return kByBf16;
    case MathMode::fp32: break;
  }
  return kCompute32;
}

int operation(const CublasMatrix& m) { return m.transposed ? kTranspose : kNoTranspose; }

}  // namespace

struct Cublas::Impl {
  SharedLibrary library;
  Functions f;
  Handle handle = nullptr;

  Impl(void* stream, Lookup lookup) : library(kName, lookup), f(library) {
    if (property(kMajorVersion) < kOldest) {
      throw Failure("cublas: version 12.0.0 or newer is needed, " + library.file() + " is " +
                    version());
    }
    check(f.Create_v2(&handle), "starting");
    try {
      check(f.SetStream_v2(handle, stream), "taking a stream");
      check(f.SetAtomicsMode(handle, kNoAtomics), "forbidding atomics");
    } catch (...) {
      f.Destroy_v2(handle);
      throw;
    }
  }
  ~Impl() { f.Destroy_v2(handle); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  int property(int which) const {
    int value = 0;
    check(f.GetProperty(which, &value), "asking for the version");
    return value;
  }
  std::string version() const {
    return std::to_string(property(kMajorVersion)) + "." + std::to_string(property(kMinorVersion)) +
           "." + std::to_string(property(kPatch));
  }
  void check(Status status, const char* what) const {
    if (status == kSuccess) return;
    throw Failure(std::string("cublas: ") + what + ": " + f.GetStatusString(status));
  }
};

Cublas::Cublas(void* stream, Lookup lookup) : impl_(std::make_unique<Impl>(stream, lookup)) {}
Cublas::~Cublas() = default;

std::string Cublas::version() const { return impl_->version(); }

// To cuBLAS our matrices are their transposes: c^T = b^T a^T.
void Cublas::multiply(Exec& e, const CublasProduct& p, const CublasMatrix& a, const CublasMatrix& b,
                      float* c, int c_row, int64_t c_next) {
  Workspace::Scope scope(*e.workspace);
  const Functions& f = impl_->f;
  impl_->check(f.SetWorkspace_v2(impl_->handle, e.workspace->take(kScratch), kScratch),
               "taking scratch memory");
  const float beta = p.accumulate ? 1 : 0;
  impl_->check(f.GemmStridedBatchedEx(impl_->handle, operation(b), operation(a), p.columns, p.rows,
                                      p.depth, &p.scale, b.data, kFloat, b.row, b.next, a.data,
                                      kFloat, a.row, a.next, &beta, c, kFloat, c_row, c_next,
                                      p.batch, compute_type(p.math), kHeuristic),
               "a matrix product");
}

}  // namespace gsx::kernels
