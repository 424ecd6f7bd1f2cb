// CUDA's Gram matrices against the CPU's.
#include "kernels/cuda/tables.h"
#include "tests/gpu_kernels/dense_cases.h"
#include "tests/gpu_kernels/twin.h"

using namespace gsx::kernels;
using twin::Run;

void dense_cases::compare_gram(const GramKernels& table, double tolerance, const Prepare& prepare) {
  for (const View& v : {View::of(1, 1, 1, 1), View::of(2, 7, 5, 3), View::of(3, 9, 11, 8),
                        View::of(1, 33, 20, 37), View::of(2, 5, 7, 65)}) {
    INFO(v.n << "x" << v.c << "x" << v.h << "x" << v.w);
    const int64_t size = int64_t{v.n} * v.c * v.c;
    const auto x = twin::random_image(v, 1), gy = twin::random_floats(size, 2);
    twin::compare(cpu_gram, table, tolerance, [&](auto& k, Run& r) {
      prepare(r.exec);
      k.forward(r.exec, v, r.in(x), r.out(size));
    });
    twin::compare(cpu_gram, table, tolerance, [&](auto& k, Run& r) {
      prepare(r.exec);
      k.backward(r.exec, v, r.in(x), r.in(gy), r.out(v));
    });
  }
}

TEST_CASE("Gram matrices agree with the CPU's") { dense_cases::compare_gram(emulated::gram, 1e-5); }
