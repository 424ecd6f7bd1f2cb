// CUDA's running statistics of batch norm: the CPU's bits.
#include <cmath>

#include "kernels/cuda/tables.h"
#include "tests/gpu_kernels/twin.h"

using namespace gsx::kernels;
using twin::Run;

TEST_CASE("running statistics have the CPU's bits") {
  for (const int c : {1, 3, 5, 8, 37, 257, 1000}) {
    INFO(c << " channels");
    const auto mean = twin::random_floats(c, 1), old = twin::random_floats(c, 2);
    const auto gamma = twin::random_floats(c, 3), beta = twin::random_floats(c, 4);
    auto var = twin::random_floats(c, 5);
    for (float& v : var) v = std::abs(v);
    const auto compare = [](auto&& f) {
      twin::compare(cpu_batch_norm, emulated::batch_norm, 0, f);
    };
    compare([&](auto& k, Run& r) {
      k.update_running(r.exec, c, 35, 0.1f, r.in(mean), r.in(var), r.inout(old), r.inout(old));
    });
    compare([&](auto& k, Run& r) {
      k.fold(r.exec, c, 1e-5f, r.in(mean), r.in(var), r.in(gamma), r.in(beta), r.out(c), r.out(c),
             r.out(c));
    });
    compare([&](auto& k, Run& r) {
      k.fold(r.exec, c, 1e-5f, r.in(mean), r.in(var), nullptr, nullptr, r.out(c), r.out(c),
             r.out(c));
    });
  }
}
