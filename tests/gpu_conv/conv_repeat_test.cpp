// The bits of CUDA convolutions depend on nothing but their inputs: not on when they run, nor in
// which order the threads of a block do.
#include "kernels/runtime/emulated/emulator.h"
#include "tests/catch.h"
#include "tests/gpu_conv/conv_cases.h"

using namespace gpu_conv;
namespace gpu = gsx::kernels::emulated::gpu;

TEST_CASE("conv repeats bit for bit under every schedule") {
  for (const MathMode math : {MathMode::fp32, MathMode::tf32, MathMode::bf16}) {
    for (const Case& t : cases()) {
      INFO(t.name() << " mode " << static_cast<int>(math));
      const Data d(t);
      const Outputs first = run_all(emulated_conv, math, d);
      for (const gpu::Schedule& s :
           {gpu::Schedule{gpu::Schedule::forward, 0}, gpu::Schedule{gpu::Schedule::reverse, 0},
            gpu::Schedule{gpu::Schedule::random, 7}}) {
        gpu::set_schedule(s);
        CHECK(same_bits(run_all(emulated_conv, math, d), first));
      }
      gpu::set_schedule({});
    }
  }
}
