// CUDA's steps of the integer program against the CPU's: the same bits.
#include <random>

#include "kernels/cuda/tables.h"
#include "tests/gpu_kernels/twin.h"
#include "tests/gpu_kernels/weight_cases.h"

using namespace gsx::kernels;
using twin::Run;

namespace {

using Ints = std::vector<int32_t>;

void compare(auto&& f) {
  for (const int offset : {0, 1}) twin::compare(cpu_integer, emulated::integer, 0, f, offset);
}

// In (-limit, limit), around `middle`; padding lanes zero.
Ints random_sums(const View& v, int32_t limit, int32_t middle, uint32_t seed) {
  std::mt19937 generator(seed);
  std::uniform_int_distribution<int32_t> numbers(-limit + 1, limit - 1);
  Ints x(static_cast<size_t>(v.size()));
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<int>(i % static_cast<size_t>(v.cs)) < v.c ? middle + numbers(generator) : 0;
  }
  return x;
}

const View kViews[] = {View::of(1, 1, 1, 1),   View::of(2, 3, 7, 3),   View::of(3, 33, 7, 4),
                       View::of(2, 7, 5, 5),   View::of(1, 33, 33, 8), View::of(2, 19, 7, 37),
                       View::of(1, 2, 3, 257), View::of(1, 2, 2, 1100)};

}  // namespace

TEST_CASE("codes of floats and back have the CPU's bits") {
  const Quantizer q{0.01f, 100, -128, 127, -1.28f, 1.27f};
  for (const int64_t n : {0, 1, 3, 7, 33, 257, 4099}) {
    INFO("n " << n);
    const auto x = twin::random_floats(n, 1);
    compare([&](auto& k, Run& r) {
      int16_t* codes = r.out<int16_t>(n);
      k.to_codes(r.exec, n, r.in(x), q, codes);
      k.codes_to_float(r.exec, n, codes, 0.013f, r.out(n));
    });
  }
}

TEST_CASE("floats of sums have the CPU's bits") {
  for (const View& v : kViews) {
    INFO("n " << v.n << " h " << v.h << " c " << v.c);
    const auto x = random_sums(v, 1 << 24, 0, 1);
    const auto scale = twin::random_floats(v.c, 2), bias = twin::random_floats(v.c, 3);
    compare([&](auto& k, Run& r) {
      k.sums_to_float(r.exec, v, r.in(x), r.in(scale), r.in(bias), r.out(v));
    });
    compare([&](auto& k, Run& r) {
      k.sums_to_float(r.exec, v, r.in(x), r.in(scale), nullptr, r.out(v));
    });
  }
}

TEST_CASE("codes of weights have the CPU's bits") {
  for (const ChannelBlocks& b : kWeightBlocks) {
    const auto w = random_weights(b, 1);
    for (const bool per_channel : {true, false}) {
      INFO("outer " << b.outer << " k " << b.k << " inner " << b.inner);
      // Half of what would be needed, so that codes are limited.
      twin::Floats scales(static_cast<size_t>(per_channel ? b.k : 1), 0.01f);
      if (scales.size() > 1) scales[1] = 0;
      compare([&](auto& k, Run& r) {
        k.weight_codes(r.exec, b, per_channel, r.in(w), r.in(scales), r.out<int8_t>(b.size()));
      });
    }
  }
}

TEST_CASE("integer instance norm has the CPU's bits") {
  struct Range {
    int32_t limit, middle;
  };
  for (const View& v : kViews) {
    const auto scale = twin::random_floats(v.c, 2), gamma = twin::random_floats(v.c, 3),
               beta = twin::random_floats(v.c, 4);
    for (const Range& range : {Range{300, 0}, Range{1 << 20, 0}, Range{1 << 30, 0},
                               Range{1000, (1 << 30) - 2000}, Range{3, -(1 << 29)}}) {
      INFO("n " << v.n << " h " << v.h << " c " << v.c << " limit " << range.limit);
      const auto x = random_sums(v, range.limit, range.middle, 1);
      compare([&](auto& k, Run& r) {
        k.instance_norm(r.exec, v, r.in(x), r.in(scale), r.in(gamma), r.in(beta), 1e-5f, r.out(v));
      });
      compare([&](auto& k, Run& r) {
        k.instance_norm(r.exec, v, r.in(x), r.in(scale), nullptr, nullptr, 1e-5f, r.out(v));
      });
    }
  }
}

TEST_CASE("tap biases have the CPU's bits") {
  struct Case {
    int n, h, w, k, r, s;
    PerAxis stride;
    int top, bottom, left, right;
    bool reflect, transposed;
    PerAxis dilation = 1;
  };
  const Case cases[] = {{1, 5, 7, 5, 3, 3, 1, 1, 1, 1, 1, false, false},
                        {2, 9, 7, 37, 3, 3, 2, 1, 0, 0, 1, false, false},
                        {1, 3, 2, 8, 7, 7, 1, 3, 3, 3, 3, false, false},
                        {1, 33, 5, 3, 5, 1, 1, 2, 2, 0, 0, false, false},
                        {2, 7, 7, 5, 3, 3, 1, 1, 1, 1, 1, true, false},
                        {1, 4, 5, 37, 3, 3, 2, 1, 0, 1, 0, false, true},
                        {1, 3, 3, 1, 4, 5, 3, 0, 2, 1, 1, false, true},
                        {1, 3, 3, 4, 2, 2, 3, 0, 0, 0, 0, false, true},
                        {1, 1, 1, 8, 3, 3, 1, 1, 1, 1, 1, false, false},
                        {2, 5, 3, 5, 1, 1, 1, 2, 1, 0, 3, false, false},
                        {1, 7, 6, 8, 1, 1, 2, 1, 1, 1, 1, false, false},
                        {1, 4, 3, 5, 1, 1, 2, 0, -1, 0, -1, false, true},
                        {2, 9, 7, 5, 3, 4, {2, 1}, 2, 1, 3, 2, false, false, {2, 3}},
                        {1, 5, 8, 3, 1, 7, {1, 3}, 0, 0, 4, 3, false, false},
                        {1, 3, 3, 8, 3, 3, 1, 4, 4, 4, 4, false, false, 4},
                        {1, 4, 5, 7, 3, 2, {2, 3}, 1, 0, 1, 1, false, true, {2, 1}},
                        {2, 3, 4, 5, 3, 3, {4, 2}, 2, 1, 3, 1, false, true, {6, 3}}};
  for (const Case& c : cases) {
    ConvShape s;
    s.x = View::of(c.n, c.h, c.w, 3);
    s.w = FilterView::of(c.k, 3, c.r, c.s);
    s.stride = c.stride;
    s.dilation = c.dilation;
    s.top = c.top, s.bottom = c.bottom, s.left = c.left, s.right = c.right;
    s.pad_mode = c.reflect ? PadMode::reflect : PadMode::zero;
    s.transposed = c.transposed;
    const View v = s.y();
    for (const TapBias kind : {TapBias::everywhere, TapBias::per_tap}) {
      const int taps = kind == TapBias::per_tap ? c.r * c.s : 1;
      INFO("taps " << taps << " of " << c.r << " x " << c.s << " stride " << c.stride.y << " h "
                   << c.h << " transposed " << c.transposed);
      const auto t = random_sums(View::of(1, 1, c.k * taps, 1), 1 << 20, 0, 1);
      const auto y = random_sums(v, 1 << 20, 0, 2);
      compare([&](auto& k, Run& r) { k.add_taps(r.exec, s, kind, r.in(t), r.inout(y)); });
    }
  }
}
