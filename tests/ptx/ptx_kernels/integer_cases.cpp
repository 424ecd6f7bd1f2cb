// The integer program's own steps.
#include "tests/ptx/ptx_kernels/cases.h"

namespace gsx::ptx {
namespace {

using namespace gsx::kernels;

constexpr int kChannels[] = {1, 3, 4, 5, 37};

void codes_and_floats(Bench& b) {
  Quantizer q;
  q.scale = 4.0f / 255;
  q.inverse = 255.0f / 4;
  q.clamp_hi = 4;
  for (const int64_t n : {1, 3, 33, 257, 5000}) {
    auto* y = b.fresh<int16_t>("codes", n);
    b.backend.integer.to_codes(b.exec, n, b.floats("x", n, -1, 5), q, y);
    b.backend.integer.codes_to_float(b.exec, n, y, 0.02f, b.fresh("y", n));
  }
}

void sums_to_floats(Bench& b) {
  for (const int c : kChannels) {
    const View v = View::of(2, 7, 9, c);
    const auto* sums = b.codes<int32_t>("sums", v.pixels(), v.c, v.cs, -100000, 100000);
    for (const bool bias : {false, true}) {
      b.backend.integer.sums_to_float(b.exec, v, sums, b.floats("scale", c),
                                      bias ? b.floats("bias", c) : nullptr, b.fresh("y", v));
    }
  }
}

void taps(Bench& b) {
  for (const int c : kChannels) {
    for (const bool transposed : {false, true}) {
      ConvShape s;
      s.x = View::of(2, 6, 5, 8);
      s.w = FilterView::of(c, 8, 3, 3);
      s.stride = 2;
      s.top = s.bottom = s.left = s.right = 1;
      s.transposed = transposed;
      const View y = s.y();
      for (const TapBias kind : {TapBias::everywhere, TapBias::per_tap}) {
        const int count = kind == TapBias::per_tap ? 9 : 1;
        const auto* t = b.codes<int32_t>("t", c, count, count, -1000, 1000);
        b.backend.integer.add_taps(b.exec, s, kind, t,
                                   b.codes<int32_t>("y", y.pixels(), y.c, y.cs, -9999, 9999));
      }
      if (transposed) continue;
      s.pad_mode = PadMode::reflect;
      b.backend.integer.add_taps(b.exec, s, TapBias::per_tap,
                                 b.codes<int32_t>("t", c, 9, 9, -1000, 1000),
                                 b.codes<int32_t>("y", y.pixels(), y.c, y.cs, -9999, 9999));
    }
  }
}

void norms(Bench& b) {
  for (const int c : kChannels) {
    for (const View& v : {View::of(2, 7, 9, c), View::of(1, 50, 41, c), View::of(1, 1, 1, c)}) {
      const auto* x = b.codes<int32_t>("x", v.pixels(), v.c, v.cs, -500000, 1000000);
      const float* scale = b.floats("scale", c, 1e-5f, 2e-5f);
      b.backend.integer.instance_norm(b.exec, v, x, scale, nullptr, nullptr, 1e-5f,
                                      b.fresh("y", v));
      b.backend.integer.instance_norm(b.exec, v, x, scale, b.floats("gamma", c),
                                      b.floats("beta", c), 1e-5f, b.fresh("y", v));
    }
  }
}

void weights(Bench& b) {
  for (const ChannelBlocks& w : {ChannelBlocks{27, 5, 8, 1}, ChannelBlocks{9, 3, 3, 1},
                                 ChannelBlocks{1, 37, 37, 65}, ChannelBlocks{300, 72, 72, 1}}) {
    const bool filter = w.inner == 1;
    const float* x = filter ? b.rows("w", w.outer, static_cast<int>(w.k), static_cast<int>(w.ks))
                            : b.floats("w", w.size());
    for (const bool per_channel : {false, true}) {
      const float* scales = b.floats("scales", per_channel ? w.k : 1, 1e-3f, 1e-2f);
      b.backend.integer.weight_codes(b.exec, w, per_channel, x, scales,
                                     b.fresh<int8_t>("codes", w.size()));
    }
  }
}

}  // namespace

const std::vector<CaseGroup> kIntegerCases = {
    {"codes and floats", codes_and_floats, true},
    {"floats of sums", sums_to_floats},
    {"tap biases", taps},
    {"norms of sums", norms},
    {"codes of weights", weights},
};

}  // namespace gsx::ptx
