// The yardstick of CUDA devices: runs in every arithmetic and counts blocks.
#include "kernels/cuda/tables.h"
#include "tests/gpu_kernels/twin.h"

using namespace gsx::kernels;
using twin::Run;

TEST_CASE("multiply-adds are counted by blocks") {
  for (const auto& [math, per_chain] :
       {std::pair{MathMode::fp32, 2.0 * 256}, std::pair{MathMode::tf32, 8 * 2.0 * 16 * 8 * 8},
        std::pair{MathMode::bf16, 8 * 2.0 * 16 * 8 * 16}}) {
    for (const int64_t rounds : {1, 3}) {
      Run r(emulated::memory, 0);
      r.exec.math = math;
      CHECK(emulated::peak.multiply_adds(r.exec, rounds) ==
            static_cast<double>(rounds) * 128 * 8 * per_chain);
      r.finish();
    }
  }
}
