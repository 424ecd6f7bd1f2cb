// Exact convolutions of codes on the emulated device: the CPU's bits.
#include <random>

#include "kernels/runtime/emulated/emulator.h"
#include "tests/catch.h"
#include "tests/gpu_conv/conv_cases.h"

using namespace gpu_conv;
using namespace gsx::kernels;

namespace {

template <class T>
std::vector<T> random_codes(int64_t count, int c, int cs, int most, uint32_t seed) {
  std::mt19937 generator(seed);
  std::uniform_int_distribution<int> code(-most, most);
  std::vector<T> out(static_cast<size_t>(count));
  for (size_t i = 0; i < out.size(); ++i) {
    const int v = code(generator);
    out[i] = static_cast<T>(static_cast<int>(i % static_cast<size_t>(cs)) < c ? v : 0);
  }
  return out;
}

std::vector<int32_t> run(const ConvKernels& table, const ConvShape& shape,
                         const std::vector<int16_t>& x, const std::vector<int8_t>& w) {
  Scratch scratch(MathMode::fp32);
  std::vector<int32_t> y(static_cast<size_t>(shape.y().size()), -123456789);
  table.forward_codes(scratch.exec, shape, {-512, 512}, x.data(), w.data(), y.data());
  return y;
}

}  // namespace

TEST_CASE("conv of codes has the CPU's bits") {
  std::vector<Case> all = cases();
  for (const Case& t : general_cases()) all.push_back(t);
  all.push_back({1, 40, 47, 48, 136, 3, 3, 1, 1, 1, 1, 1, true});
  for (const Case& t : all) {
    INFO(t.name());
    const ConvShape shape = t.shape();
    const auto x = random_codes<int16_t>(shape.x.size(), t.c, shape.x.cs, 512, 1);
    const auto w = random_codes<int8_t>(shape.w.size(), t.k, shape.w.ks, 127, 2);
    const auto x_before = x;
    const auto w_before = w;
    const auto expected = run(cpu_conv, shape, x, w);
    CHECK(zero_lanes(expected, t.k, shape.y().cs));
    for (const auto order : {emulated::gpu::Schedule::forward, emulated::gpu::Schedule::reverse,
                             emulated::gpu::Schedule::random}) {
      emulated::gpu::set_schedule({order, 3});
      CHECK(run(emulated_conv, shape, x, w) == expected);
    }
    emulated::gpu::set_schedule({});
    CHECK(x == x_before);
    CHECK(w == w_before);
  }
}
