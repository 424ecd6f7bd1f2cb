// CUDA's random numbers: the CPU's bits, from any draw on.
#include "kernels/cuda/tables.h"
#include "tests/gpu_kernels/twin.h"

using namespace gsx::kernels;
using twin::Run;

TEST_CASE("random numbers have the CPU's bits") {
  const PhiloxKey key = {0x123456789abcdefu, 42};
  for (const int offset : {0, 1}) {
    for (const uint64_t first : {uint64_t{0}, uint64_t{1}, uint64_t{2}, uint64_t{7},
                                 (uint64_t{1} << 34) - 3, uint64_t{123456789012}}) {
      for (const int64_t n : {0, 1, 3, 7, 33, 257, 5000}) {
        INFO("first " << first << " n " << n);
        twin::compare(
            cpu_philox, emulated::philox, 0,
            [&](auto& k, Run& r) { k.uniform(r.exec, key, first, -0.5f, 2.0f, n, r.out(n)); },
            offset);
        twin::compare(
            cpu_philox, emulated::philox, 0,
            [&](auto& k, Run& r) { k.normal(r.exec, key, first, 0.3f, 1.7f, n, r.out(n)); },
            offset);
      }
    }
  }
}
