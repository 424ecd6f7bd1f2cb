// Convolutions: all passes in FP32, TF32 and BF16, and of quantised values.
#include "kernels/cuda/staging.h"
#include "tests/ptx/ptx_kernels/cases.h"

namespace gsx::ptx {
namespace {

using namespace gsx::kernels;

ConvShape square(int n, int size, int c, int k, int filter, int stride = 1, int pad = 0) {
  ConvShape s;
  s.x = View::of(n, size, size + 1, c);
  s.w = FilterView::of(k, c, filter, filter);
  s.stride = stride;
  s.top = s.bottom = s.left = s.right = pad;
  return s;
}

ConvShape transposed(int n, int size, int c, int k, int filter, int stride, int pad) {
  ConvShape s = square(n, size, c, k, filter, stride, pad);
  s.transposed = true;
  s.bottom = pad - 1;  // as PyTorch's output_padding = 1
  return s;
}

ConvShape reflecting(ConvShape s) {
  s.pad_mode = PadMode::reflect;
  return s;
}

void all_passes(Bench& b, const ConvShape& s, MathMode math = MathMode::fp32) {
  b.exec.math = math;
  const View y = s.y();
  const float* x = b.image("x", s.x);
  const float* w = b.filter("w", s.w);
  const float* gy = b.image("gy", y);
  b.backend.conv.forward(b.exec, s, x, w, b.floats("bias", s.w.k), b.fresh("y", y), {});
  b.backend.conv.forward(b.exec, s, x, w, nullptr, b.fresh("y without bias", y), {});
  b.backend.conv.backward_input(b.exec, s, gy, w, b.fresh("gx", s.x));
  b.backend.conv.backward_weight(b.exec, s, x, gy, false, b.fresh("gw", s.w.size()));
  b.backend.conv.backward_weight(b.exec, s, x, gy, true, b.filter("gw added to", s.w));
  b.exec.math = MathMode::fp32;
}

void with_moments(Bench& b, const ConvShape& s) {
  const View y = s.y();
  const int64_t planes = int64_t{y.n} * y.c;
  b.backend.conv.forward(b.exec, s, b.image("x", s.x), b.filter("w", s.w), b.floats("bias", s.w.k),
                         b.fresh("y and its moments", y),
                         {b.fresh("mean", planes), b.fresh("var", planes)});
}

// The moments of results, summed on the way and, of small images, not.
template <MathMode kMath>
void moments(Bench& b) {
  b.exec.math = kMath;
  with_moments(b, square(3, 9, 9, 24, 3, 1, 1));
  with_moments(b, square(2, 9, 8, 37, 3, 1, 1));
  with_moments(b, reflecting(square(1, 7, 16, 9, 3, 1, 1)));
  with_moments(b, square(3, 5, 8, 9, 3, 1, 1));
  with_moments(b, transposed(2, 8, 24, 40, 3, 2, 1));
  with_moments(b, transposed(2, 8, 9, 24, 3, 2, 1));
  with_moments(b, transposed(2, 4, 9, 24, 3, 2, 1));
  with_moments(b, square(2, 91, 8, 72, 1));  // the largest tiles
  with_moments(b, square(1, 95, 8, 16, 1));  // more pieces than are merged at a time
  b.exec.math = MathMode::fp32;
}

void moments_from_few_channels(Bench& b) {
  with_moments(b, square(2, 9, 3, 24, 3, 1, 1));
  with_moments(b, square(2, 9, 2, 72, 3, 1, 1));
  with_moments(b, square(1, 6, 9, 3, 3, 1, 1));  // to few channels
}

void bias_gradients(Bench& b) {
  for (const int c : {1, 3, 4, 5, 37}) {
    const View v = View::of(2, 7, 9, c);
    const float* gy = b.image("gy", v);
    b.backend.conv.backward_bias(b.exec, v, gy, false, b.fresh("gbias", c));
    b.backend.conv.backward_bias(b.exec, v, gy, true, b.floats("gbias added to", c));
  }
}

void few_channels(Bench& b) {
  for (const int k : {1, 2, 3, 4}) {
    all_passes(b, square(2, 7, 3, k, 3, 1, 1));
    all_passes(b, square(1, 6, 9, k, 3, 1, 1));
    all_passes(b, square(1, 5, k, 16, 3, 2, 1));
  }
  all_passes(b, square(1, 6, 2, 72, 3, 1, 1));
  all_passes(b, square(1, 6, 72, 2, 3, 1, 1));
}

void many_channels(Bench& b) {
  all_passes(b, square(2, 7, 37, 24, 3, 1, 1));
  all_passes(b, square(1, 9, 24, 72, 3, 2, 1));
  all_passes(b, square(1, 5, 8, 33, 1));
}

void reflecting_borders(Bench& b) {
  all_passes(b, reflecting(square(2, 7, 16, 9, 3, 1, 1)));
  all_passes(b, reflecting(square(1, 9, 3, 40, 7, 1, 3)));
  all_passes(b, reflecting(square(1, 8, 40, 3, 7, 1, 3)));
}

void transposes(Bench& b) {
  all_passes(b, transposed(2, 5, 24, 16, 3, 2, 1));
  all_passes(b, transposed(1, 4, 16, 3, 4, 2, 1));
  all_passes(b, transposed(1, 4, 3, 72, 3, 2, 1));
}

template <MathMode kMath>
void tensor_cores(Bench& b) {
  all_passes(b, square(2, 7, 37, 24, 3, 1, 1), kMath);
  all_passes(b, square(1, 9, 24, 72, 3, 2, 1), kMath);
  all_passes(b, reflecting(square(1, 7, 16, 9, 3, 1, 1)), kMath);
  all_passes(b, transposed(1, 5, 24, 40, 3, 2, 1), kMath);
}

// Enough pixels for the tiles that only large images get, with the filter as it lies and swapped.
template <MathMode kMath>
void large_images(Bench& b) {
  b.exec.math = kMath;
  const ConvShape s = square(1, 181, 8, 72, 1), t = square(1, 181, 72, 8, 1);
  b.backend.conv.forward(b.exec, s, b.image("x", s.x), b.filter("w", s.w), nullptr,
                         b.fresh("y", s.y()), {});
  b.backend.conv.backward_input(b.exec, t, b.image("gy", t.y()), b.filter("w", t.w),
                                b.fresh("gx", t.x));
  b.exec.math = MathMode::fp32;
}

template <class T>
void quantized_of_type(Bench& b, const ConvShape& s, QuantizedType type, IntegerRange range) {
  const auto* x = b.quantized<T>("x", s.x.pixels(), s.x.c, s.x.cs, range.lo, range.hi);
  const auto* w =
      b.quantized<int8_t>("w", int64_t{s.w.r} * s.w.s * s.w.c, s.w.k, s.w.ks, -127, 127);
  b.backend.conv.forward_quantized(b.exec, s, {x, type, range}, w,
                                   b.fresh<int32_t>("y", s.y().size()), {});
}

void quantized(Bench& b, const ConvShape& s) {
  quantized_of_type<int16_t>(b, s, QuantizedType::s16, {-300, 300});
}

void quantized_convolutions(Bench& b) {
  quantized_of_type<uint8_t>(b, square(1, 5, 5, 8, 3, 1, 1), QuantizedType::u8, {0, 255});
  quantized_of_type<int8_t>(b, square(1, 5, 5, 8, 3, 1, 1), QuantizedType::s8, {-128, 127});
  for (const int c : {1, 3, 4, 5, 37}) {
    quantized(b, square(2, 7, c, 24, 3, 1, 1));
    quantized(b, square(1, 7, 24, c, 3, 2, 1));
  }
  quantized(b, reflecting(square(1, 9, 3, 16, 7, 1, 3)));
  quantized(b, transposed(1, 5, 24, 16, 3, 2, 1));
  quantized(b, square(1, 5, 72, 72, 3, 1, 1));
}

// Geometries that are not plain, in floats and quantised values.
void other_geometries(Bench& b) {
  ConvShape dilated = square(2, 9, 5, 9, 3, 1, 2), edges = square(1, 7, 8, 6, 3, 1, 3);
  dilated.dilation = {2, 1};
  dilated.stride = {1, 2};
  edges.pad_mode = PadMode::replicate;
  edges.w = FilterView::of(6, 4, 3, 3);
  edges.groups = 2;
  ConvShape spread = transposed(1, 5, 8, 6, 3, 2, 2);
  spread.dilation = 2;
  for (const ConvShape& s : {dilated, edges, spread}) {
    all_passes(b, s);
    quantized(b, s);
  }
}

void depthwise_layers(Bench& b) {
  for (const int c : {3, 24, 37}) {
    ConvShape s = square(2, 7, c, c, 3, 1, 1), t = transposed(1, 5, c, c, 3, 2, 1);
    for (ConvShape* each : {&s, &t}) {
      each->w = FilterView::of(c, 1, 3, 3);
      each->groups = c;
      all_passes(b, *each);
    }
    quantized(b, s);
  }
}

// What is copied around a library's convolutions, of elements T.
template <class T>
void staging(Bench& b) {
  namespace staging = emulated::staging;
  for (const int c : {3, 4, 13}) {
    for (const bool reflect : {false, true}) {
      const staging::Frame f = {View::of(2, 5, 6, c), View::of(2, 9, 8, c), 2, 1, reflect};
      T* outer = b.fresh<T>("outer", f.outer.size());
      staging::widen(b.exec, f, b.image("inner", f.inner), outer);
      staging::narrow<T>(b.exec, f, outer, nullptr, b.fresh("sum", f.inner));
      staging::narrow<T>(b.exec, f, outer, b.floats("bias", c), b.fresh("sum + bias", f.inner));
    }
    for (const ConvShape& s : {square(1, 5, c, 7, 3), transposed(1, 5, c, 7, 3, 2, 1)}) {
      T* library = b.fresh<T>("library", int64_t{9} * 8 * channel_stride(c));
      staging::filter_out(b.exec, s, b.filter("w", s.w), library);
      staging::filter_in<T>(b.exec, s, library, false, b.fresh("gw", s.w.size()));
      staging::filter_in<T>(b.exec, s, library, true, b.filter("gw added to", s.w));
    }
  }
}

}  // namespace

const std::vector<CaseGroup> kConvCases = {
    {"bias gradients", bias_gradients},
    {"convolutions of few channels", few_channels},
    {"convolutions of many channels", many_channels},
    {"reflecting convolutions", reflecting_borders},
    {"transposed convolutions", transposes},
    {"TF32 convolutions", tensor_cores<MathMode::tf32>},
    {"BF16 convolutions", tensor_cores<MathMode::bf16>},
    {"convolutions of large images", large_images<MathMode::fp32>},
    {"TF32 convolutions of large images", large_images<MathMode::tf32>},
    {"BF16 convolutions of large images", large_images<MathMode::bf16>},
    {"moments of convolutions", moments<MathMode::fp32>},
    {"moments of TF32 convolutions", moments<MathMode::tf32>},
    {"moments of BF16 convolutions", moments<MathMode::bf16>},
    {"moments of convolutions of few channels", moments_from_few_channels},
    {"convolutions of codes", quantized_convolutions},
    {"convolutions of other geometries", other_geometries},
    {"depthwise convolutions", depthwise_layers},
    {"a library's floats", staging<float>},
    {"a library's BF16", staging<uint16_t>},
};

}  // namespace gsx::ptx
