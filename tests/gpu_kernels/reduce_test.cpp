// CUDA's sums over whole storages against the CPU's.
#include <cmath>

#include "kernels/cuda/tables.h"
#include "tests/gpu_kernels/twin.h"

using namespace gsx::kernels;
using twin::Run;

namespace {

const int64_t kSizes[] = {0, 1, 3, 7, 33, 257, 4096, 4097, 20011};

void compare(double tolerance, auto&& f) {
  for (const int offset : {0, 1}) {
    twin::compare(cpu_reduce, emulated::reduce, tolerance, f, offset);
  }
}

}  // namespace

TEST_CASE("sums and dot products agree with the CPU's") {
  for (const int64_t n : kSizes) {
    INFO("n " << n);
    const auto a = twin::random_floats(n, 1), b = twin::random_floats(n, 2);
    compare(1e-6, [&](auto& k, Run& r) { k.sum(r.exec, n, 0.37, r.in(a), r.out(1)); });
    compare(1e-6, [&](auto& k, Run& r) { k.dot(r.exec, n, r.in(a), r.in(b), r.out(1)); });
  }
}

TEST_CASE("sums over a thousand chunks grow the chunks") {
  const int64_t n = 4096 * 1024 + 4097;
  const auto x = twin::random_floats(n, 1);
  twin::compare(cpu_reduce, emulated::reduce, 1e-6,
                [&](auto& k, Run& r) { k.sum(r.exec, n, 1, r.in(x), r.out(1)); });
}

TEST_CASE("gradients of dot products have the CPU's bits") {
  const twin::Floats g = {0.7f};
  for (const int64_t n : {1, 3, 7, 33, 257, 4097}) {
    const auto b = twin::random_floats(n, 2);
    compare(0, [&](auto& k, Run& r) { k.dot_backward(r.exec, n, r.in(g), r.in(b), r.out(n)); });
  }
}

TEST_CASE("sums keep NaN and infinities") {
  for (const float strange : {NAN, INFINITY, -INFINITY}) {
    auto x = twin::random_floats(5000, 1);
    x[4711] = strange;
    compare(1e-6, [&](auto& k, Run& r) { k.sum(r.exec, 5000, 1, r.in(x), r.out(1)); });
  }
}
