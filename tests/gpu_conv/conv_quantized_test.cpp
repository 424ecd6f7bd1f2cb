// Exact convolutions of quantised values on the emulated device: the CPU's bits.
#include <random>

#include "kernels/runtime/emulated/emulator.h"
#include "tests/catch.h"
#include "tests/gpu_conv/conv_cases.h"

using namespace gpu_conv;
using namespace gsx::kernels;

namespace {

template <class T>
std::vector<T> random_quantized(int64_t count, int c, int cs, int most, uint32_t seed) {
  std::mt19937 generator(seed);
  std::uniform_int_distribution<int> level(-most, most);
  std::vector<T> out(static_cast<size_t>(count));
  for (size_t i = 0; i < out.size(); ++i) {
    const int v = level(generator);
    out[i] = static_cast<T>(static_cast<int>(i % static_cast<size_t>(cs)) < c ? v : 0);
  }
  return out;
}

std::vector<int32_t> run(const ConvKernels& table, const ConvShape& shape,
                         const std::vector<int16_t>& x, const std::vector<int8_t>& w) {
  Scratch scratch(MathMode::fp32);
  std::vector<int32_t> y(static_cast<size_t>(shape.y().size()), -123456789);
  const std::vector<int8_t> packed = table.pack_quantized(shape, w.data());
  std::vector<int8_t> unpacked(w.size());
  table.unpack_quantized(shape, packed.data(), unpacked.data());
  CHECK(unpacked == w);
  std::vector<uint64_t> sums(static_cast<size_t>(ExactSums::size(shape.y())));
  table.forward_quantized(scratch.exec, shape, {x.data(), QuantizedType::s16, {-512, 512}},
                          packed.data(), y.data(), {sums.data()});
  for (const uint64_t s : sums) y.push_back(static_cast<int32_t>(s ^ s >> 32));
  // Quantised values of a byte.
  std::vector<int8_t> bytes(x.size());
  for (size_t i = 0; i < x.size(); ++i) bytes[i] = static_cast<int8_t>(x[i] / 4 % 128);
  std::vector<int32_t> of_bytes(static_cast<size_t>(shape.y().size()));
  table.forward_quantized(scratch.exec, shape, {bytes.data(), QuantizedType::s8, {-127, 127}},
                          packed.data(), of_bytes.data(), {});
  y.insert(y.end(), of_bytes.begin(), of_bytes.end());
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
    const auto x = random_quantized<int16_t>(shape.x.size(), t.c, shape.x.cs, 512, 1);
    const auto w = random_quantized<int8_t>(shape.w.size(), t.k, shape.w.ks, 127, 2);
    const auto x_before = x;
    const auto w_before = w;
    const auto expected = run(cpu_conv, shape, x, w);
    const std::vector<int32_t> image(expected.begin(), expected.begin() + shape.y().size());
    CHECK(zero_lanes(image, t.k, shape.y().cs));
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
