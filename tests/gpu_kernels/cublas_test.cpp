// Gram matrices and fully connected layers by cuBLAS, whose place a library of the test takes
// (fake_cublas): what it is told, and what is said where it is missing or refuses.
#include <dlfcn.h>

#include "kernels/cublas.h"
#include "kernels/cuda/tables.h"
#include "tests/gpu_kernels/dense_cases.h"
#include "tests/gpu_kernels/twin.h"
#include "tests/library_refusals.h"

using namespace gsx::kernels;
using gsx::test::Setting;
using twin::Run;

namespace {

int fake_count(const char* function) {
  void* library = dlopen(GSX_FAKE_CUBLAS_LIBRARY, RTLD_NOW);
  REQUIRE(library);
  const int count = reinterpret_cast<int (*)()>(dlsym(library, function))();
  dlclose(library);
  return count;
}

dense_cases::Prepare by(Cublas& cublas, MathMode math) {
  return [&cublas, math](Exec& e) {
    e.cublas = &cublas;
    e.math = math;
  };
}

// The largest difference of rounded Gram matrices of c channels to the CPU's, which are not.
double gram_error(Cublas& cublas, MathMode math, int c) {
  const View v = View::of(2, 9, 5, c);
  const auto x = twin::random_image(v, 1);
  const auto forward = [&](auto& k, Run& r) {
    by(cublas, math)(r.exec);
    k.forward(r.exec, v, r.in(x), r.out(int64_t{v.n} * c * c));
  };
  const auto ours = twin::run(cpu_memory, 0, cpu_gram, forward)[0].data;
  const auto theirs = twin::run(emulated::memory, 0, emulated::cublas_gram, forward)[0].data;
  double error = 0;
  for (size_t i = 0; i < ours.size(); i += sizeof(float)) {
    float a, b;
    std::memcpy(&a, ours.data() + i, sizeof(a));
    std::memcpy(&b, theirs.data() + i, sizeof(b));
    error = std::max(error, std::abs(double{a} - b));
  }
  return error;
}

}  // namespace

TEST_CASE("Gram matrices by cuBLAS agree with the CPU's") {
  const Setting library("GSX_CUBLAS", GSX_FAKE_CUBLAS_LIBRARY);
  Cublas cublas(nullptr, Lookup::named);
  CHECK(cublas.version() == "13.1.2");
  dense_cases::compare_gram(emulated::cublas_gram, 1e-5, by(cublas, MathMode::fp32));
  dense_cases::compare_gram(emulated::cublas_gram, 2e-3, by(cublas, MathMode::tf32));
  dense_cases::compare_gram(emulated::cublas_gram, 2e-2, by(cublas, MathMode::bf16));
}

TEST_CASE("Gram matrices by cuBLAS round as asked, and never of at most four channels") {
  const Setting library("GSX_CUBLAS", GSX_FAKE_CUBLAS_LIBRARY);
  Cublas cublas(nullptr, Lookup::named);
  CHECK(gram_error(cublas, MathMode::fp32, 7) <= 1e-6);
  CHECK(gram_error(cublas, MathMode::tf32, 7) > 1e-6);
  CHECK(gram_error(cublas, MathMode::bf16, 7) > 4 * gram_error(cublas, MathMode::tf32, 7));
  for (const MathMode math : {MathMode::tf32, MathMode::bf16})
    CHECK(gram_error(cublas, math, 4) <= 1e-6);
}

TEST_CASE("fully connected layers by cuBLAS agree with the CPU's, in FP32 whatever is asked") {
  const Setting library("GSX_CUBLAS", GSX_FAKE_CUBLAS_LIBRARY);
  void* keep = dlopen(GSX_FAKE_CUBLAS_LIBRARY, RTLD_NOW);  // its counts stay
  const int before = fake_count("fake_cublas_live"), rounding = fake_count("fake_cublas_rounding");
  {
    Cublas cublas(nullptr, Lookup::anywhere);
    CHECK(fake_count("fake_cublas_live") == before + 1);
    dense_cases::compare_linear(emulated::cublas_linear, by(cublas, MathMode::fp32));
    dense_cases::compare_linear(emulated::cublas_linear, by(cublas, MathMode::bf16));
  }
  CHECK(fake_count("fake_cublas_rounding") == rounding);
  CHECK(fake_count("fake_cublas_live") == before);
  dlclose(keep);
}

TEST_CASE("a cuBLAS that cannot be used says why and what to do") {
  gsx::test::check_refusals({.name = "cuBLAS",
                             .prefix = "cublas",
                             .variable = "GSX_CUBLAS",
                             .flag = "--gemm-provider",
                             .versions = "cuBLAS 12 or 13",
                             .first_function = "cublasGetProperty",
                             .stand_in = GSX_FAKE_CUBLAS_LIBRARY,
                             .stand_in_mode = "GSX_FAKE_CUBLAS",
                             .needed = "12.0.0",
                             .old = "11.1.2",
                             .not_started = "CUBLAS_STATUS_NOT_INITIALIZED"},
                            [](Lookup lookup) { Cublas(nullptr, lookup); });
  const Setting library("GSX_CUBLAS", GSX_FAKE_CUBLAS_LIBRARY);
  Cublas cublas(nullptr, Lookup::named);
  ThreadPool pool(1);
  Workspace workspace;
  Exec e{.pool = &pool, .workspace = &workspace};
  const CublasProduct nothing = {.rows = 1, .columns = 1, .depth = 0};
  float c = 0;
  CHECK_THROWS_WITH(cublas.multiply(e, nothing, {&c, 1}, {&c, 1}, &c, 1),
                    "cublas: a matrix product: CUBLAS_STATUS_INVALID_VALUE");
}
