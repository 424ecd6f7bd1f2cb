// Exact Winograd convolution of quantised values: every accumulator equals the direct sum, at the
// largest values its 16-bit factors and wrapping 32-bit sums allow, and beyond that the direct
// kernel takes over.
#include <functional>
#include <random>

#include "kernels/cpu/conv_winograd_exact.h"
#include "kernels/cpu/dispatch.h"
#include "kernels/integer.h"
#include "kernels/isa.h"
#include "kernels/prepacked_weights.h"
#include "tests/catch.h"

using namespace gsx::kernels;

namespace {

struct Layer {
  int n, c, k, h, w, pad;
  PadMode mode;
  IntegerRange range;

  ConvShape shape() const {
    return {View::of(n, h, w, c), FilterView::of(k, c, 3, 3), 1, pad, pad, pad, pad, mode};
  }
  std::string name() const {
    return std::to_string(n) + " images of " + std::to_string(c) + "x" + std::to_string(h) + "x" +
           std::to_string(w) + " to " + std::to_string(k) + ", padding " + std::to_string(pad) +
           " mode " + std::to_string(static_cast<int>(mode)) + ", values " +
           std::to_string(range.lo) + ".." + std::to_string(range.hi);
  }
};

// Value i of an image or a filter with this many channels.
using Fill = std::function<int(int64_t i, int64_t channel)>;

template <class T>
std::vector<T> filled(int64_t size, int channels, int stride, const Fill& fill) {
  std::vector<T> values(static_cast<size_t>(size), T{0});
  for (int64_t i = 0; i < size; ++i)
    if (i % stride < channels) values[static_cast<size_t>(i)] = static_cast<T>(fill(i, i % stride));
  return values;
}

// Sums in 64 bits over an explicit border.
template <class T>
std::vector<int32_t> summed(const ConvShape& s, const std::vector<T>& x,
                            const std::vector<int8_t>& w) {
  const View y = s.y();
  std::vector<int32_t> out(static_cast<size_t>(y.size()), 0);
  const auto shown = [&](int i, int n) {
    if (i >= 0 && i < n) return i;
    if (s.pad_mode == PadMode::zero) return -1;
    if (s.pad_mode == PadMode::replicate) return i < 0 ? 0 : n - 1;
    return i < 0 ? -i : 2 * (n - 1) - i;
  };
  std::vector<int64_t> sums(static_cast<size_t>(y.c));
  for (int64_t pixel = 0; pixel < y.pixels(); ++pixel) {
    const int q = static_cast<int>(pixel % y.w), p = static_cast<int>(pixel / y.w % y.h);
    std::fill(sums.begin(), sums.end(), 0);
    for (int tap = 0; tap < 9; ++tap) {
      const int row = shown(p - s.top + tap / 3, s.x.h),
                column = shown(q - s.left + tap % 3, s.x.w);
      if (row < 0 || column < 0) continue;
      const T* from = x.data() + s.x.offset(static_cast<int>(pixel / y.plane()), row, column);
      for (int c = 0; c < s.w.c; ++c) {
        const int8_t* weights = w.data() + s.w.offset(tap / 3, tap % 3, c);
        for (int k = 0; k < y.c; ++k) sums[static_cast<size_t>(k)] += int64_t{from[c]} * weights[k];
      }
    }
    for (int k = 0; k < y.c; ++k)
      out[static_cast<size_t>(pixel * y.cs + k)] =
          static_cast<int32_t>(sums[static_cast<size_t>(k)]);
  }
  return out;
}

// Both algorithms, on every instruction set.
void check(const Layer& t, const Fill& image, const Fill& weight, int threads) {
  const ConvShape s = t.shape();
  const View y = s.y();
  const auto w = filled<int8_t>(s.w.size(), s.w.k, s.w.ks, weight);
  const std::vector<int8_t> packed = cpu_conv.pack_quantized(s, w.data());
  with_quantized_type(t.range.type(), [&]<class T>() {
    const auto x = filled<T>(s.x.size(), s.x.c, s.x.cs, image);
    const std::vector<int32_t> expected = summed(s, x, w);
    std::vector<uint64_t> sums(static_cast<size_t>(ExactSums::size(y)), 0), taken = sums;
    for (const std::string_view name : isas()) {
      ThreadPool pool(threads);
      Workspace workspace;
      Exec e{&pool, &workspace};
      e.isa = find_isa(name).value();
      cpu_integer.exact_sums(e, y, expected.data(), {sums.data()});
      for (const ConvAlgo algo : {ConvAlgo::winograd, ConvAlgo::automatic}) {
        INFO(t.name() << ", " << name << ", " << threads << " threads");
        e.conv_algo = algo;
        std::vector<int32_t> got(expected.size(), -1);
        std::fill(taken.begin(), taken.end(), 1);
        cpu_conv.forward_quantized(e, s, {x.data(), t.range.type(), t.range}, packed.data(),
                                   got.data(), {taken.data()});
        const bool equal = got == expected, same_sums = taken == sums;
        CHECK(equal);
        CHECK(same_sums);
      }
    }
  });
}

bool possible(const Layer& t) {
  const UseIsa use(usable_sets(0));
  return exact_winograd_possible(t.shape(), t.range);
}

constexpr IntegerRange kBytes{0, 255};
constexpr PadMode kModes[] = {PadMode::zero, PadMode::reflect, PadMode::replicate};

}  // namespace

TEST_CASE("exact Winograd equals the direct sum at the largest sums it takes", "[winograd]") {
  // 255 * 127 * 9 * 1841 < 2^29 <= 255 * 127 * 9 * 1842: from there on the sum is direct.
  for (const int channels : {1840, 1841, 1842, 1900}) {
    const Layer t{1, channels, 9, 5, 6, 1, PadMode::replicate, kBytes};
    CHECK(possible(t) == (channels < 1842 && isas()[0] != "baseline"));
    check(
        t, [](int64_t, int64_t) { return 255; },
        [](int64_t, int64_t k) { return k % 2 == 0 ? 127 : -127; }, 2);
  }
  CHECK_FALSE(possible({1, 64, 64, 9, 9, 1, PadMode::zero, {-255, 255}}));
  CHECK_FALSE(possible({1, 64, 64, 9, 9, 1, PadMode::zero, {0, 335}}));
}

TEST_CASE("exact Winograd equals the direct sum on extreme values", "[winograd]") {
  std::mt19937 generator(3);
  for (const IntegerRange range :
       {kBytes, IntegerRange{-128, 127}, {-167, 167}, {0, 334}, {-334, 0}, {-1, 254}}) {
    for (const PadMode mode : kModes) {
      const Layer t{1, 40, 72, 10, 13, 1, mode, range};
      const auto extreme = [&](int64_t, int64_t) {
        return generator() % 2 == 0 ? range.lo : range.hi;
      };
      const auto board = [&](int64_t i, int64_t) {
        return (i / 40 + i / 40 / 13) % 2 == 0 ? range.lo : range.hi;
      };
      const auto stripes = [&](int64_t i, int64_t) {
        return i / 40 % 2 == 0 ? range.lo : range.hi;
      };
      const auto weight = [&](int64_t, int64_t) { return generator() % 2 == 0 ? 127 : -127; };
      const auto alternating = [](int64_t i, int64_t) { return i / 72 / 40 % 2 == 0 ? 127 : -127; };
      check(t, extreme, weight, 1);
      check(t, board, alternating, 2);
      check(t, stripes, alternating, 3);
    }
  }
}

TEST_CASE("exact Winograd takes any channels, sizes, borders, batches and threads", "[winograd]") {
  std::mt19937 generator(4);
  std::uniform_int_distribution<int> byte(0, 255), weights(-127, 127);
  const auto image = [&](int64_t, int64_t) { return byte(generator); };
  const auto weight = [&](int64_t, int64_t) { return weights(generator); };
  for (int c = 1; c <= 37; ++c) {
    const int k = c * 7 % 37 + 1;
    check({1 + c % 3, c, k, 3 + c % 8, 3 + c * 5 % 11, c % 2, kModes[c % 3], kBytes}, image, weight,
          1 + c % 3);
  }
  // One pixel, one row, more than one group of outputs, several blocks and images per block.
  check({1, 8, 8, 1, 1, 1, PadMode::zero, kBytes}, image, weight, 2);
  check({2, 24, 130, 1, 33, 1, PadMode::replicate, kBytes}, image, weight, 3);
  check({3, 16, 200, 9, 7, 2, PadMode::reflect, kBytes}, image, weight, 3);
  check({2, 33, 37, 41, 38, 1, PadMode::reflect, kBytes}, image, weight, 3);
  // Filters in more than one part.
  check({1, 1200, 260, 6, 5, 1, PadMode::zero, kBytes}, image, weight, 3);
}

TEST_CASE("transformed filters of weights that do not change are kept, eight bytes a weight",
          "[winograd]") {
  const Layer t{1, 64, 128, 8, 9, 1, PadMode::reflect, kBytes};
  const ConvShape s = t.shape();
  std::mt19937 generator(5);
  const auto any = [&](int64_t, int64_t) { return static_cast<int>(generator() % 127); };
  const auto x = filled<uint8_t>(s.x.size(), s.x.c, s.x.cs, any);
  const auto w = filled<int8_t>(s.w.size(), s.w.k, s.w.ks, any);
  const std::vector<int8_t> packed = cpu_conv.pack_quantized(s, w.data());
  const std::vector<int32_t> expected = summed(s, x, w);
  PrepackedWeights kept;
  size_t sets = 0;
  for (const std::string_view name : isas()) {
    INFO(name);
    size_t before = kept.bytes();
    for (int call = 0; call < 3; ++call) {
      ThreadPool pool(2);
      Workspace workspace;
      Exec e{&pool, &workspace};
      e.isa = find_isa(name).value();
      e.conv_algo = ConvAlgo::winograd;
      e.kept = &kept;
      std::vector<int32_t> got(expected.size(), -1);
      cpu_conv.forward_quantized(e, s, {x.data(), QuantizedType::u8, kBytes}, packed.data(),
                                 got.data(), {});
      const bool equal = got == expected;
      CHECK(equal);
      if (call == 0) sets += kept.bytes() > before;
      else CHECK(kept.bytes() == before);
      before = kept.bytes();
    }
  }
  CHECK(kept.bytes() <= sets * (8 * packed.size() * 101 / 100));
  CHECK((sets > 0 || isas()[0] == "baseline"));
}
