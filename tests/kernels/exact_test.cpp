// Results that must have the same bits on every processor: random numbers, quantisers and the
// integer program. Each is held against a number written down here, which every machine has to find
// again.
#include <cstring>
#include <vector>

#include "kernels/conv.h"
#include "kernels/fake_quant.h"
#include "kernels/integer.h"
#include "kernels/isa.h"
#include "kernels/philox.h"
#include "tests/catch.h"

using namespace gsx::kernels;

namespace {

// FNV-1a.
template <class T>
uint64_t digest(const std::vector<T>& values, uint64_t hash = 0xcbf29ce484222325u) {
  std::vector<unsigned char> bytes(values.size() * sizeof(T));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  for (const unsigned char b : bytes) hash = (hash ^ b) * 0x100000001b3u;
  return hash;
}

// [0, 2^bits), without any floating point.
template <class T>
std::vector<T> random_integers(int64_t count, int bits, int64_t lowest, uint64_t seed) {
  std::vector<T> out(static_cast<size_t>(count));
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<T>(lowest + (philox_draw({seed, 0}, i) >> (32 - bits)));
  }
  return out;
}

// Multiples of 2^-13 in [-4, 4).
std::vector<float> random_floats(int64_t count, uint64_t seed) {
  std::vector<float> out(static_cast<size_t>(count));
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<float>(philox_draw({seed, 0}, i) >> 16) * 0x1p-13f - 4.0f;
  }
  return out;
}

template <class T>
std::vector<T> empty(int64_t size) {
  return std::vector<T>(static_cast<size_t>(size));
}

// f makes a digest on every instruction set; all are `expected`.
template <class F>
void expect(uint64_t expected, F f) {
  for (const std::string_view name : isas()) {
    INFO(name);
    for (const int threads : {1, 3}) {
      ThreadPool pool(threads);
      Workspace workspace;
      Exec e{&pool, &workspace};
      e.isa = find_isa(name).value();
      CHECK(f(e) == expected);
    }
  }
}

constexpr int kCount = 4099;
const Quantizer kSigned{0.013f, 1 / 0.013f, -128, 127, -1.664f, 1.651f};

View row(int count) { return {1, 1, count, 1, 1}; }

std::vector<float> padded(std::vector<float> values, int cs) {
  values.resize(static_cast<size_t>(cs), 0.0f);
  return values;
}

void quantize_image(Exec& e, const View& v, const float* x, int16_t* quantized) {
  FusedPass pass;
  pass.x = x;
  pass.quantized = quantized;
  pass.quantized_type = QuantizedType::s16;
  pass.quantizer = kSigned;
  cpu_integer.fused_pass(e, v, pass);
}

}  // namespace

TEST_CASE("random numbers have the same bits on every processor", "[exact]") {
  const auto filled = [](auto fill) {
    return [=](Exec& e) {
      auto y = empty<float>(kCount);
      fill(e, PhiloxKey{42, 7}, uint64_t{5}, 0.25f, 1.5f, int64_t{kCount}, y.data());
      return digest(y);
    };
  };
  expect(0x91b18667ffe6f45c, filled(cpu_philox.uniform));
  expect(0x9c7cd8fa71a5a981, filled(cpu_philox.normal));
}

TEST_CASE("quantisers have the same bits on every processor", "[exact]") {
  const auto x = random_floats(kCount, 1);
  expect(0x33422f39dcbba1d6, [&](Exec& e) {
    auto y = empty<float>(kCount);
    cpu_fake_quant.forward(e, kCount, kSigned, x.data(), y.data());
    return digest(y);
  });
  expect(0x7175d961a8d6c8e0, [&](Exec& e) {
    auto quantized = empty<int16_t>(kCount);
    quantize_image(e, row(kCount), x.data(), quantized.data());
    auto y = empty<float>(kCount);
    FusedPass decode;
    decode.source = FusedPass::Source::quantized;
    decode.source_type = QuantizedType::s16;
    decode.x = quantized.data();
    decode.source_step = kSigned.scale;
    decode.reals = y.data();
    cpu_integer.fused_pass(e, row(kCount), decode);
    return digest(y, digest(quantized));
  });
  const ChannelBlocks blocks{9 * 33, 37, 40, 1};
  auto w = random_floats(blocks.size(), 2);
  for (size_t i = 0; i < w.size(); ++i) w[i] = i % 40 < 37 ? w[i] : 0;
  for (const bool per_channel : {true, false}) {
    expect(per_channel ? 0x5506ba07518c7fd1 : 0xac5b3a6b90d24e9c, [&](Exec& e) {
      auto scales = empty<float>(per_channel ? blocks.k : 1);
      cpu_fake_quant.weight_scales(e, blocks, 127, per_channel, w.data(), scales.data());
      auto quantized = empty<int8_t>(blocks.size());
      cpu_integer.quantized_weights(e, blocks, per_channel, w.data(), scales.data(),
                                    quantized.data());
      auto y = empty<float>(blocks.size());
      cpu_fake_quant.weight_forward(e, blocks, per_channel, w.data(), scales.data(), y.data());
      return digest(y, digest(quantized, digest(scales)));
    });
  }
}

TEST_CASE("the integer program has the same bits on every processor", "[exact]") {
  const auto layer = [](const ConvShape& shape) {
    return [=](Exec& e) {
      const View y = shape.y();
      auto x = random_integers<int16_t>(shape.x.size(), 9, -256, 3);
      for (size_t i = 0; i < x.size(); ++i) {
        if (static_cast<int>(i) % shape.x.cs >= shape.x.c) x[i] = 0;
      }
      auto w = random_integers<int8_t>(shape.w.size(), 8, -128, 4);
      for (size_t i = 0; i < w.size(); ++i) {
        if (static_cast<int>(i) % shape.w.ks >= shape.w.k) w[i] = 0;
      }
      const int taps = shape.w.r * shape.w.s;
      const auto t = random_integers<int32_t>(int64_t{y.c} * taps, 12, -2048, 5);
      const auto scale = random_floats(y.c, 6), gamma = random_floats(y.c, 7),
                 beta = random_floats(y.c, 8);
      auto sums = empty<int32_t>(y.size());
      const std::vector<int8_t> packed = cpu_conv.pack_quantized(shape, w.data());
      cpu_conv.forward_quantized(e, shape, {x.data(), QuantizedType::s16, {-512, 512}},
                                 packed.data(), sums.data(), {});
      cpu_integer.add_taps(e, shape, TapBias::per_tap, t.data(), sums.data());
      auto plain = empty<float>(y.size()), normed = plain;
      const auto a = padded(scale, y.cs), b = padded(beta, y.cs);
      FusedPass pass;
      pass.source = FusedPass::Source::accumulators;
      pass.x = sums.data();
      pass.count = 1;
      pass.ops[0].kind = PassOp::Kind::affine;
      pass.ops[0].a = a.data();
      pass.ops[0].b = b.data();
      pass.reals = plain.data();
      cpu_integer.fused_pass(e, y, pass);
      auto taken = empty<uint64_t>(ExactSums::size(y));
      cpu_integer.exact_sums(e, y, sums.data(), {taken.data()});
      auto middle = empty<int32_t>(int64_t{y.n} * y.cs);
      auto slope = empty<float>(int64_t{y.n} * y.cs), shift = slope;
      cpu_integer.norm_of_integers(e, y, {taken.data()}, scale.data(),
                                   {gamma.data(), beta.data(), 1e-5f},
                                   {middle.data(), slope.data(), shift.data()});
      pass.middle = middle.data();
      pass.ops[0].per_image = true;
      pass.ops[0].a = slope.data();
      pass.ops[0].b = shift.data();
      pass.reals = normed.data();
      cpu_integer.fused_pass(e, y, pass);
      auto quantized = empty<int16_t>(y.size());
      quantize_image(e, y, normed.data(), quantized.data());
      return digest(quantized, digest(normed, digest(plain, digest(sums))));
    };
  };
  expect(0xb11eaf0c8a4bc293, layer({View::of(2, 9, 11, 33), FilterView::of(37, 33, 3, 3), 1, 1, 1,
                                    1, 1, PadMode::reflect, false}));
  expect(0x994c5b15b78240f, layer({View::of(1, 14, 13, 16), FilterView::of(3, 16, 4, 4), 2, 1, 1, 1,
                                   1, PadMode::zero, false}));
  expect(0x6f327be0dd8a9e2, layer({View::of(1, 5, 6, 20), FilterView::of(12, 20, 3, 3), 2, 1, 0, 1,
                                   0, PadMode::zero, true}));
}
