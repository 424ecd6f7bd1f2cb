// Padding, upsampling and joining quantised values gives the quantised values of the padded,
// upsampled and joined values, of every type and of channels that fill whole words or not.
#include <functional>
#include <numeric>

#include "engine/integer.h"
#include "engine/random.h"
#include "tests/catch.h"
#include "tests/devices.h"

using namespace gsx;

namespace {

const QuantRange kRanges[] = {
    {1, 0, 255, 0, 255}, {1, -128, 127, -128, 127}, {1, -255, 255, -255, 255}};  // u8, s8, s16

Tensor quantized_of(const Tensor& numbers, const QuantRange& range) {
  PassSource source;
  source.reals = numbers;
  return fused_pass(source, {}, false, range).quantized.data;
}

using Move = std::function<Tensor(const std::vector<Tensor>&)>;

void check(const ContextPtr& c, const std::vector<int>& channels, const Move& move) {
  for (const QuantRange& range : kRanges) {
    Rng rng(static_cast<uint64_t>(channels[0]));
    std::vector<Tensor> values, quantized;
    for (const int k : channels) {
      const Tensor x = Tensor::empty(c, {2, k, 5, 4});
      rng.fill_uniform(x, range.clamp_lo, range.clamp_hi);
      quantized.push_back(quantized_of(x, range));
      values.push_back(Tensor::from(c, quantized.back().to_vector(), x.shape()));
    }
    const Tensor want = move(values), got = move(quantized);
    CAPTURE(channels[0], got.dtype());
    CHECK(got.dtype() == quantized[0].dtype());
    CHECK(got.shape() == want.shape());
    CHECK(got.to_vector() == want.to_vector());
    // Padding lanes are zero: convolutions read them.
    const auto inside = want.to_vector();
    const auto sum = [](const auto& all) {
      return std::accumulate(all.begin(), all.end(), 0.0, [](double s, auto v) { return s + v; });
    };
    const double lanes = got.dtype() == DType::u8   ? sum(got.read_storage<uint8_t>())
                         : got.dtype() == DType::s8 ? sum(got.read_storage<int8_t>())
                                                    : sum(got.read_storage<int16_t>());
    CHECK(lanes == sum(inside));
  }
}

}  // namespace

TEST_CASE("codes are padded, upsampled and joined as their values are") {
  gsx::test::on_every_device([](const ContextPtr& c) {
    for (const int k : {1, 2, 3, 4, 7, 8, 13, 16, 33, 40}) {
      for (const PadMode mode : {PadMode::zero, PadMode::reflect, PadMode::replicate})
        check(c, {k}, [=](const auto& xs) { return pad2d(xs[0], {1, 2, 3, 0}, mode); });
      check(c, {k}, [](const auto& xs) { return pad2d(xs[0], {-1, 2, 1, -2}, PadMode::zero); });
      check(c, {k}, [](const auto& xs) { return upsample_nearest(xs[0], 3); });
      for (const int other : {3, 4, 8})
        check(c, {k, other, k}, [](const auto& xs) { return concat(xs); });
    }
  });
}
