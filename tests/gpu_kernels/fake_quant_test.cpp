// CUDA's fake quantisers against the CPU's: the same bits.
#include <cmath>

#include "kernels/cuda/tables.h"
#include "tests/gpu_kernels/twin.h"
#include "tests/gpu_kernels/weight_cases.h"

using namespace gsx::kernels;
using twin::Run;

namespace {

const Quantizer kQuantizers[] = {{0.01f, 100, 0, 255, 0, 2.55f},
                                 {0.01f, 100, -127, 127, -1.27f, 1.27f}};

void compare(auto&& f) {
  for (const int offset : {0, 1}) {
    twin::compare(cpu_fake_quant, emulated::fake_quant, 0, f, offset);
  }
}

}  // namespace

TEST_CASE("fake quantisation of activations has the CPU's bits") {
  for (const int64_t n : {0, 1, 3, 7, 33, 257, 4099}) {
    const auto x = twin::random_floats(n, 1), gy = twin::random_floats(n, 2);
    for (const Quantizer& q : kQuantizers) {
      INFO("n " << n << " lo " << q.lo);
      compare([&](auto& k, Run& r) { k.forward(r.exec, n, q, r.in(x), r.out(n)); });
      compare([&](auto& k, Run& r) { k.backward(r.exec, n, q, r.in(x), r.in(gy), r.out(n)); });
    }
  }
}

TEST_CASE("fake quantisation keeps NaN and clamps infinities") {
  const twin::Floats x = {NAN, INFINITY, -INFINITY, 0.0f, -0.0f};
  for (const Quantizer& q : kQuantizers) {
    const auto f = [&](auto& k, Run& r) { k.forward(r.exec, 5, q, r.in(x), r.out(5)); };
    twin::compare(cpu_fake_quant, emulated::fake_quant, 1e-30, f);
  }
}

TEST_CASE("scales of weights and quantised weights have the CPU's bits") {
  for (const ChannelBlocks& b : kWeightBlocks) {
    const auto w = random_weights(b, 1);
    for (const bool per_channel : {true, false}) {
      INFO("outer " << b.outer << " k " << b.k << " inner " << b.inner << " per channel "
                    << per_channel);
      compare([&](auto& k, Run& r) {
        float* scales = r.out(per_channel ? b.k : 1);
        const float* in = r.in(w);
        k.weight_scales(r.exec, b, 127, per_channel, in, scales);
        k.weight_forward(r.exec, b, per_channel, in, scales, r.out(b.size()));
      });
    }
  }
}
