// The integer program's own steps.
#include "tests/ptx/ptx_kernels/cases.h"

namespace gsx::ptx {
namespace {

using namespace gsx::kernels;

constexpr int kChannels[] = {1, 3, 4, 5, 37};

void passes(Bench& b) {
  for (const int c : kChannels) {
    const View v = View::of(2, 7, 9, c);
    FusedPass pass;
    pass.source = FusedPass::Source::accumulators;
    pass.x = b.quantized<int32_t>("sums", v.pixels(), v.c, v.cs, -100000, 100000);
    pass.middle = b.quantized<int32_t>("middle", v.n, v.c, v.cs, -100, 100);
    pass.count = 3;
    pass.ops[0].kind = PassOp::Kind::affine;
    pass.ops[0].a = b.rows("a", 1, v.c, v.cs);
    pass.ops[0].b = b.rows("b", 1, v.c, v.cs);
    pass.ops[1].kind = PassOp::Kind::activate;
    pass.ops[1].activation = Activation::relu;
    pass.ops[2].kind = PassOp::Kind::add;
    pass.ops[2].other = b.image("other", v);
    pass.reals = b.fresh("y", v);
    pass.quantizer = {4.0f / 255, 255.0f / 4, 0, 255, 0, 4};
    auto* quantized = b.fresh<uint8_t>("codes", v.size());
    pass.quantized = quantized;
    b.backend.integer.fused_pass(b.exec, v, pass);
    FusedPass decode;
    decode.source = FusedPass::Source::quantized;
    decode.x = quantized;
    decode.source_step = 0.02f;
    decode.reals = b.fresh("y", v);
    b.backend.integer.fused_pass(b.exec, v, decode);
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
        const auto* t = b.quantized<int32_t>("t", c, count, count, -1000, 1000);
        b.backend.integer.add_taps(b.exec, s, kind, t,
                                   b.quantized<int32_t>("y", y.pixels(), y.c, y.cs, -9999, 9999));
      }
      if (transposed) continue;
      s.pad_mode = PadMode::reflect;
      b.backend.integer.add_taps(b.exec, s, TapBias::per_tap,
                                 b.quantized<int32_t>("t", c, 9, 9, -1000, 1000),
                                 b.quantized<int32_t>("y", y.pixels(), y.c, y.cs, -9999, 9999));
    }
  }
}

void norms(Bench& b) {
  for (const int c : kChannels) {
    for (const View& v : {View::of(2, 7, 9, c), View::of(1, 50, 41, c), View::of(1, 1, 1, c)}) {
      const auto* x = b.quantized<int32_t>("x", v.pixels(), v.c, v.cs, -500000, 1000000);
      const float* scale = b.floats("scale", c, 1e-5f, 2e-5f);
      auto* sums = b.fresh<uint64_t>("sums", ExactSums::size(v));
      b.backend.integer.exact_sums(b.exec, v, x, {sums});
      const int64_t size = int64_t{v.n} * v.cs;
      b.backend.integer.norm_of_integers(
          b.exec, v, {sums}, scale, {b.floats("gamma", c), b.floats("beta", c), 1e-5f},
          {b.fresh<int32_t>("middle", size), b.fresh("slope", size), b.fresh("shift", size)});
      b.backend.integer.norm_of_reals(
          b.exec, v, b.image("x", v), {},
          {b.fresh("middle", size), b.fresh("slope", size), b.fresh("shift", size)});
    }
  }
}

void convolutions_of_reals(Bench& b) {
  for (const int c : kChannels) {
    ConvShape s;
    s.x = View::of(2, 6, 5, c);
    s.w = FilterView::of(5, c, 3, 3);
    s.stride = 2;
    s.top = s.bottom = s.left = s.right = 1;
    for (const bool transposed : {false, true}) {
      s.transposed = transposed;
      b.backend.integer.convolve_reals(b.exec, s, b.image("x", s.x), b.filter("w", s.w),
                                       b.floats("bias", s.w.k), b.fresh("y", s.y()));
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
      b.backend.integer.quantized_weights(b.exec, w, per_channel, x, scales,
                                          b.fresh<int8_t>("codes", w.size()));
    }
  }
}

}  // namespace

const std::vector<CaseGroup> kIntegerCases = {
    {"passes", passes, true},
    {"tap biases", taps},
    {"norms", norms},
    {"convolutions of real values", convolutions_of_reals},
    {"codes of weights", weights},
};

}  // namespace gsx::ptx
