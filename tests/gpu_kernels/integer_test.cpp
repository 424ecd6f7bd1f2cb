// CUDA's steps of the integer program against the CPU's: the same bits.
#include <cmath>
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

// Every kind of operation, one after another, from every source.
TEST_CASE("pointwise steps have the CPU's bits") {
  for (const View& v : kViews) {
    INFO("n " << v.n << " h " << v.h << " c " << v.c);
    const auto sums = random_sums(v, 1 << 24, 0, 1);
    const auto reals = twin::random_image(v, 2), other = twin::random_image(v, 3);
    const View channels = View::of(1, 1, 1, v.c), images = View::of(v.n, 1, 1, v.c);
    const auto a = twin::random_image(channels, 4), b = twin::random_image(channels, 5);
    const auto slope = twin::random_image(images, 6), shift = twin::random_image(images, 7);
    const auto middle = random_sums(images, 1 << 20, 0, 8);
    for (const QuantizedType type : {QuantizedType::u8, QuantizedType::s8, QuantizedType::s16}) {
      const int lo = type == QuantizedType::u8 ? 0 : -127,
                hi = type == QuantizedType::u8 ? 255 : 127;
      const auto lowest = static_cast<float>(lo), highest = static_cast<float>(hi);
      const Quantizer q{0.01f, 100, lowest, highest, lowest * 0.01f, highest * 0.01f};
      with_quantized_type(type, [&]<class T>() {
        compare([&](auto& k, Run& r) {
          FusedPass s;
          s.source = FusedPass::Source::accumulators;
          s.x = r.in(sums);
          s.middle = r.in(middle);
          s.count = 3;
          s.ops[0].kind = PassOp::Kind::affine;
          s.ops[0].per_image = true;
          s.ops[0].a = r.in(slope);
          s.ops[0].b = r.in(shift);
          s.ops[1].kind = PassOp::Kind::activate;
          s.ops[1].activation = Activation::leaky_relu;
          s.ops[2].kind = PassOp::Kind::add;
          s.ops[2].other = r.in(other);
          s.reals = r.out(v);
          T* quantized = r.template out<T>(v.size(), v.c, v.cs);
          s.quantized = quantized;
          s.quantized_type = type;
          s.quantizer = q;
          k.fused_pass(r.exec, v, s);
          FusedPass decode;
          decode.source = FusedPass::Source::quantized;
          decode.source_type = type;
          decode.x = quantized;
          decode.source_step = 0.013f;
          decode.count = 1;
          decode.ops[0].kind = PassOp::Kind::affine;
          decode.ops[0].a = r.in(a);
          decode.ops[0].b = r.in(b);
          decode.reals = r.out(v);
          k.fused_pass(r.exec, v, decode);
        });
      });
    }
    for (const Activation f :
         {Activation::none, Activation::relu, Activation::tanh, Activation::sigmoid}) {
      compare([&](auto& k, Run& r) {
        FusedPass s;
        s.x = r.in(reals);
        s.count = 3;
        s.ops[0].kind = PassOp::Kind::centre;
        s.ops[0].per_image = true;
        s.ops[0].a = r.in(slope);
        s.ops[1].kind = PassOp::Kind::uniform;
        s.ops[1].scale = 0.7f;
        s.ops[1].shift = 0.1f;
        s.ops[2].kind = PassOp::Kind::activate;
        s.ops[2].activation = f;
        s.reals = r.out(v);
        k.fused_pass(r.exec, v, s);
      });
    }
  }
}

TEST_CASE("codes of weights have the CPU's bits") {
  for (const ChannelBlocks& b : kWeightBlocks) {
    const auto w = random_weights(b, 1);
    for (const bool per_channel : {true, false}) {
      INFO("outer " << b.outer << " k " << b.k << " inner " << b.inner);
      // Half of what would be needed, so that quantised values are limited.
      twin::Floats scales(static_cast<size_t>(per_channel ? b.k : 1), 0.01f);
      if (scales.size() > 1) scales[1] = 0;
      compare([&](auto& k, Run& r) {
        k.quantized_weights(r.exec, b, per_channel, r.in(w), r.in(scales), r.out<int8_t>(b.size()));
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
      for (const bool affine : {true, false}) {
        compare([&](auto& k, Run& r) {
          uint64_t* sums = r.out<uint64_t>(ExactSums::size(v));
          const int32_t* at = r.in(x);
          k.exact_sums(r.exec, v, at, {sums});
          const NormParameters parameters{affine ? r.in(gamma) : nullptr,
                                          affine ? r.in(beta) : nullptr, 1e-5f};
          const int64_t size = int64_t{v.n} * v.cs;
          k.norm_of_integers(r.exec, v, {sums}, r.in(scale), parameters,
                             {r.out<int32_t>(size, v.c, v.cs), r.out<float>(size, v.c, v.cs),
                              r.out<float>(size, v.c, v.cs)});
        });
      }
    }
  }
}

TEST_CASE("norms of real values have the CPU's bits and double's exactness") {
  for (const View& v : kViews) {
    INFO("n " << v.n << " h " << v.h << " c " << v.c);
    auto x = twin::random_image(v, 1);
    for (int64_t i = 0; i < v.size(); ++i) x[i] += i % v.cs < v.c ? 1000.0f : 0.0f;
    const auto gamma = twin::random_floats(v.c, 2), beta = twin::random_floats(v.c, 3);
    const int64_t size = int64_t{v.n} * v.cs;
    for (const bool affine : {true, false}) {
      compare([&](auto& k, Run& r) {
        const NormParameters parameters{affine ? r.in(gamma) : nullptr,
                                        affine ? r.in(beta) : nullptr, 1e-5f};
        k.norm_of_reals(r.exec, v, r.in(x), parameters,
                        {r.out<float>(size, v.c, v.cs), r.out<float>(size, v.c, v.cs),
                         r.out<float>(size, v.c, v.cs)});
      });
    }
    // Against sums in long double.
    ThreadPool pool(3);
    Workspace workspace;
    Exec e{&pool, &workspace};
    std::vector<float> middle(static_cast<size_t>(size)), slope = middle, shift = middle;
    cpu_integer.norm_of_reals(e, v, x.data(), {gamma.data(), beta.data(), 1e-5f},
                              {middle.data(), slope.data(), shift.data()});
    for (int64_t i = 0; i < size; ++i) {
      const int64_t n = i / v.cs, c = i % v.cs;
      if (c >= v.c) continue;
      long double sum = 0, squares = 0;
      for (int64_t p = 0; p < v.plane(); ++p) sum += x[n * v.image() + p * v.cs + c];
      const long double mean = sum / v.plane();
      for (int64_t p = 0; p < v.plane(); ++p) {
        const long double d = x[n * v.image() + p * v.cs + c] - mean;
        squares += d * d;
      }
      const long double want = gamma[c] / std::sqrt(squares / v.plane() + 1e-5f);
      CHECK(slope[i] == Approx(static_cast<double>(want)).epsilon(1e-6));
      const double at_mean = std::fma(static_cast<double>(mean) - middle[i], slope[i], shift[i]);
      CHECK(at_mean == Approx(beta[c]).margin(1e-5));
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

TEST_CASE("convolutions of real values have the CPU's bits") {
  struct Case {
    int n, h, w, c, k, r, stride, pad;
    bool reflect, transposed;
  };
  for (const Case& t : {Case{2, 7, 5, 3, 5, 3, 1, 1, false, false},
                        {1, 9, 8, 37, 3, 4, 2, 1, true, false},
                        {1, 1, 1, 33, 7, 1, 1, 0, false, false},
                        {2, 4, 3, 5, 70, 3, 2, 1, false, true}}) {
    ConvShape s;
    s.x = View::of(t.n, t.h, t.w, t.c);
    s.w = FilterView::of(t.k, t.c, t.r, t.r);
    s.stride = t.stride;
    s.top = s.bottom = s.left = s.right = t.pad;
    s.pad_mode = t.reflect ? PadMode::reflect : PadMode::zero;
    s.transposed = t.transposed;
    const auto x = twin::random_image(s.x, 1);
    const auto w = twin::random_rows({int64_t{s.w.r} * s.w.s * s.w.c, s.w.k, s.w.ks}, 2);
    const auto bias = twin::random_floats(t.k, 3);
    compare([&](auto& k, Run& r) {
      k.convolve_reals(r.exec, s, r.in(x), r.in(w), r.in(bias), r.out(s.y()));
    });
    // The ordinary convolution agrees.
    ThreadPool pool(1);
    Workspace workspace;
    Exec e{&pool, &workspace};
    std::vector<float> y(static_cast<size_t>(s.y().size())), plain = y;
    cpu_integer.convolve_reals(e, s, x.data(), w.data(), bias.data(), y.data());
    cpu_conv.forward(e, s, x.data(), w.data(), bias.data(), plain.data(), {});
    for (size_t i = 0; i < y.size(); ++i) CHECK(y[i] == Approx(plain[i]).margin(2e-4));
  }
}
