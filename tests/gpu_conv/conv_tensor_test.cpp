// CUDA convolutions on tensor cores, on the emulated device. With inputs that TF32 or BF16 hold
// exactly, products are exact and the results those of FP32; with others each product is off by at
// most the two roundings, 2^-10 (TF32) or 2^-7 (BF16) of |x| |w|, far less once summed up.
#include "tests/catch.h"
#include "tests/gpu_conv/conv_cases.h"

using namespace gpu_conv;

namespace {

struct Mode {
  MathMode math;
  float (*round)(float);
  double bound;  // on unrounded inputs
};
const Mode kModes[] = {{MathMode::tf32, round_tf32, 1e-3}, {MathMode::bf16, round_bf16, 8e-3}};

}  // namespace

TEST_CASE("conv on tensor cores agrees with loops in double on rounded inputs") {
  for (const Mode& mode : kModes) {
    for (const Case& t : cases()) {
      INFO(t.name() << " mode " << static_cast<int>(mode.math));
      const Data d(t, mode.round);
      const Outputs o = run_all(emulated_conv, mode.math, d);
      const Reference r(d);
      CHECK(distance(o.y_without_bias, r.y) <= 2e-6);
      CHECK(distance(o.gx, r.gx) <= 2e-6);
      CHECK(distance(o.gw, r.gw) <= 2e-6);
      check_lanes(d, o);
      for (size_t i = 0; i < o.y.size(); ++i) {
        const size_t k = i % static_cast<size_t>(d.shape.y().cs);
        REQUIRE(o.y[i] == o.y_without_bias[i] + (k < d.bias.size() ? d.bias[k] : 0.0f));
      }
    }
  }
}

TEST_CASE("conv on tensor cores agrees with the CPU on large images") {
  for (const Mode& mode : kModes) {
    for (const Case& t : large_cases()) {
      INFO(t.name() << " mode " << static_cast<int>(mode.math));
      const Data d(t, mode.round);
      const Outputs o = run_all(emulated_conv, mode.math, d);
      const Outputs cpu = run_all(gsx::kernels::cpu_conv, MathMode::fp32, d);
      CHECK(distance(o.y, cpu.y) <= 1e-5);
      CHECK(distance(o.gx, cpu.gx) <= 1e-5);
      CHECK(distance(o.gw, cpu.gw) <= 1e-5);
      check_lanes(d, o);
    }
  }
}

TEST_CASE("conv on tensor cores stays within its bound on any inputs") {
  for (const Mode& mode : kModes) {
    for (const Case& t : cases()) {
      INFO(t.name() << " mode " << static_cast<int>(mode.math));
      const Data d(t);
      const Outputs o = run_all(emulated_conv, mode.math, d);
      const Outputs cpu = run_all(gsx::kernels::cpu_conv, MathMode::fp32, d);
      CHECK(distance(o.y, cpu.y) <= mode.bound);
      CHECK(distance(o.gx, cpu.gx) <= mode.bound);
      CHECK(distance(o.gw, cpu.gw) <= mode.bound);
      // The rounding takes place: otherwise this tests nothing.
      const bool on_cores = t.c > 4 && t.k > 4 && t.n * t.h * t.w > 1;
      if (on_cores) CHECK(distance(o.gx, cpu.gx) > 1e-5);
    }
  }
}
