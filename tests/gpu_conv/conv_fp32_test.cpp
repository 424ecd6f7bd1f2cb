// CUDA convolutions in exact FP32, on the emulated device, against loops in double and the CPU.
#include "tests/catch.h"
#include "tests/gpu_conv/conv_cases.h"

using namespace gpu_conv;

namespace {

std::vector<Case> all_cases() {
  std::vector<Case> all = cases();
  for (const Case& t : general_cases()) all.push_back(t);
  return all;
}

}  // namespace

TEST_CASE("conv in FP32 agrees with the CPU") {
  for (const Case& t : all_cases()) {
    INFO(t.name());
    const Data d(t);
    const Outputs o = run_all(emulated_conv, MathMode::fp32, d);
    const Outputs cpu = run_all(gsx::kernels::cpu_conv, MathMode::fp32, d);
    CHECK(distance(o.y, cpu.y) <= 1e-5);
    CHECK(distance(o.y_without_bias, cpu.y_without_bias) <= 1e-5);
    CHECK(distance(o.gx, cpu.gx) <= 1e-5);
    CHECK(distance(o.gw, cpu.gw) <= 1e-5);
    CHECK(distance(o.gbias, cpu.gbias) <= 1e-5);
    check_lanes(d, o);

    const Reference r(d);
    CHECK(distance(o.y_without_bias, r.y) <= 2e-6);
    CHECK(distance(o.gx, r.gx) <= 2e-6);
    CHECK(distance(o.gw, r.gw) <= 2e-6);
    CHECK(distance(o.gbias, r.gbias) <= 2e-6);
  }
}

TEST_CASE("conv in FP32 agrees with the CPU on large images") {
  for (const Case& t : large_cases()) {
    INFO(t.name());
    const Data d(t);
    const Outputs o = run_all(emulated_conv, MathMode::fp32, d);
    const Outputs cpu = run_all(gsx::kernels::cpu_conv, MathMode::fp32, d);
    CHECK(distance(o.y, cpu.y) <= 1e-5);
    CHECK(distance(o.gx, cpu.gx) <= 1e-5);
    CHECK(distance(o.gw, cpu.gw) <= 1e-5);
    CHECK(distance(o.gbias, cpu.gbias) <= 1e-5);
    check_lanes(d, o);
  }
}

TEST_CASE("conv gradients of weights and bias add when asked") {
  for (const Case& t : all_cases()) {
    INFO(t.name());
    const Data d(t), other(t, round_bf16);
    const View y = d.shape.y();
    for (const MathMode math : {MathMode::fp32, MathMode::tf32, MathMode::bf16}) {
      const Outputs alone = run_all(emulated_conv, math, d);
      Floats gw = other.w, gbias = other.bias;
      Scratch scratch(math);
      emulated_conv.backward_weight(scratch.exec, d.shape, d.x.data(), d.gy.data(), true,
                                    gw.data());
      emulated_conv.backward_bias(scratch.exec, y, d.gy.data(), true, gbias.data());
      for (size_t i = 0; i < gw.size(); ++i) REQUIRE(gw[i] == other.w[i] + alone.gw[i]);
      for (size_t k = 0; k < gbias.size(); ++k) {
        REQUIRE(gbias[k] == other.bias[k] + alone.gbias[k]);
      }
    }
  }
}
