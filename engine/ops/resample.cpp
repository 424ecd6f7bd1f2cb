// reshape, pad2d, upsample_nearest, concat. All but the first also take quantised values of the
// integer program.
#include "engine/integer.h"
#include "engine/ops/common.h"

namespace gsx {
using namespace ops;

namespace {

const kernels::ResampleKernels& table(const Tensor& t) { return t.backend().resample; }

Tensor reshaped(const Tensor& x, const Shape& shape) {
  Tensor y = Tensor::empty(x.context(), shape);
  if (x.numel() == 0) return y;
  const bool from_image = x.layout() == Layout::image, to_image = y.layout() == Layout::image;
  if (to_image && from_image) {
    const Tensor dense = reshaped(x, Shape{x.numel()});
    table(y).from_dense(y.exec(), y.view(), in(dense), out(y));
  } else if (to_image) {
    table(y).from_dense(y.exec(), y.view(), in(x), out(y));
  } else if (from_image) {
    table(x).to_dense(x.exec(), x.view(), in(x), out(y));
  } else {
    x.context()->copy(in(x), out(y), x.numel() * sizeof(float));
  }
  return y;
}

// An image's view, or dense [N, C] seen as images of one unpadded pixel.
kernels::View channels_view(const Tensor& t) {
  if (t.layout() == Layout::image) return t.view();
  const int c = static_cast<int>(t.dim(1));
  return {static_cast<int>(t.dim(0)), 1, 1, c, c};
}

Shape with_channels(const Shape& s, int64_t c) {
  return s.rank() == 2 ? Shape{s[0], c} : Shape{s[0], c, s[2], s[3]};
}

// Quantised values are moved as the floats that as many bytes make, whose bits no kernel looks at.

bool is_quantized(const Tensor& t) {
  return t.defined() &&
         (t.dtype() == DType::u8 || t.dtype() == DType::s8 || t.dtype() == DType::s16);
}

// Quantised values of one float.
int quantized_per_word(const Tensor& t) { return t.dtype() == DType::s16 ? 2 : 4; }

// Whether pixels of this many channels, lanes included, are whole floats.
bool in_words(const Tensor& t) {
  const kernels::View v = channels_view(t);
  return v.cs % quantized_per_word(t) == 0;
}

// The view of quantised values as floats; without padding lanes of its own.
kernels::View word_view(const Tensor& t) {
  kernels::View v = channels_view(t);
  v.c = v.cs /= quantized_per_word(t);
  return v;
}
float* words(const Tensor& t) { return static_cast<float*>(t.device_data<void>()); }

// The range of all quantised values of a type.
kernels::IntegerRange all_quantized(DType type) {
  if (type == DType::u8) return {0, 255};
  return type == DType::s8 ? kernels::IntegerRange{-128, 127}
                           : kernels::IntegerRange{-32768, 32767};
}

// Where pixels are no whole floats: quantised values as numbers, and such numbers as quantised
// values, without loss.
Tensor numbers_of(const Tensor& quantized) {
  PassSource source;
  source.quantized = {quantized, 1.0f, all_quantized(quantized.dtype())};
  return fused_pass(source, {}, true, std::nullopt).reals;
}
Tensor quantized_of(const Tensor& numbers, DType type) {
  const kernels::IntegerRange all = all_quantized(type);
  const auto lo = static_cast<float>(all.lo), hi = static_cast<float>(all.hi);
  PassSource source;
  source.reals = numbers;
  return fused_pass(source, {}, false, QuantRange{1.0f, all.lo, all.hi, lo, hi}).quantized.data;
}

// y, like x but for its shape, by move(view of x, view of y, x, y) if both are whole floats.
template <class Move>
Tensor moved_words(const Tensor& x, const Shape& shape, Move&& move) {
  Tensor y = Tensor::empty(x.context(), shape, x.dtype());
  move(word_view(x), word_view(y), words(x), words(y));
  return y;
}

}  // namespace

Tensor reshape(const Tensor& x, const Shape& shape) {
  check_f32("reshape", "x", x);
  GSX_CHECK(x.layout() != Layout::filter, "reshape: x must be an image or dense, got a filter");
  GSX_CHECK(shape.numel() == x.numel(), "reshape: shape ", shape, " must have the ", x.numel(),
            " elements of x ", x.shape(), ", got ", shape.numel());
  return record(reshaped(x, shape), "reshape", {x},
                [s = x.shape()](const Tensor& gy, Grads& grads) { grads.add(0, reshaped(gy, s)); });
}

namespace {

// The shape of padded images.
Shape check_padding(const Tensor& x, const Padding& pad, PadMode mode) {
  GSX_CHECK(x.layout() == Layout::image, "pad2d: x must be an image tensor N C H W, got shape ",
            x.shape());
  const auto [top, bottom, left, right] = pad;
  const int64_t h = x.dim(2) + top + bottom, w = x.dim(3) + left + right;
  GSX_CHECK(h > 0 && w > 0, "pad2d: cropping leaves no output of x ", x.shape(), ", got ", h, "x",
            w);
  if (mode != PadMode::zero) {
    GSX_CHECK(std::min({top, bottom, left, right}) >= 0,
              "pad2d: ", mode == PadMode::reflect ? "reflect" : "replicate",
              " padding must not be negative, got top ", top, ", bottom ", bottom, ", left ", left,
              ", right ", right);
  }
  if (mode == PadMode::reflect) {
    GSX_CHECK(std::max(top, bottom) < x.dim(2) && std::max(left, right) < x.dim(3),
              "pad2d: reflect padding must be smaller than the image ", x.shape(), ", got top ",
              top, ", bottom ", bottom, ", left ", left, ", right ", right);
  }
  return {x.dim(0), x.dim(1), h, w};
}

}  // namespace

Tensor pad2d(const Tensor& x, const Padding& pad, PadMode mode) {
  if (is_quantized(x)) {
    if (!in_words(x)) return quantized_of(pad2d(numbers_of(x), pad, mode), x.dtype());
    return moved_words(x, check_padding(x, pad, mode),
                       [&](const auto& from, const auto& to, const float* a, float* b) {
                         table(x).pad(x.exec(), {from, to, pad.top, pad.left, mode}, a, b);
                       });
  }
  check_image("pad2d", "x", x);
  const Shape padded = check_padding(x, pad, mode);
  Tensor y = Tensor::empty(x.context(), padded);
  const kernels::PadShape shape{x.view(), y.view(), pad.top, pad.left, mode};
  table(x).pad(x.exec(), shape, in(x), out(y));
  return record(y, "pad2d", {x}, [shape, s = x.shape()](const Tensor& gy, Grads& grads) {
    Tensor gx = Tensor::empty(gy.context(), s);
    table(gy).pad_backward(gy.exec(), shape, in(gy), out(gx));
    grads.add(0, gx);
  });
}

Tensor upsample_nearest(const Tensor& x, int factor) {
  GSX_CHECK(factor >= 1, "upsample_nearest: factor must be at least 1, got ", factor);
  if (is_quantized(x)) {
    if (!in_words(x)) return quantized_of(upsample_nearest(numbers_of(x), factor), x.dtype());
    const Shape larger{x.dim(0), x.dim(1), x.dim(2) * factor, x.dim(3) * factor};
    return moved_words(x, larger, [&](const auto& from, const auto&, const float* a, float* b) {
      table(x).upsample(x.exec(), from, factor, a, b);
    });
  }
  check_image("upsample_nearest", "x", x);
  Tensor y = Tensor::empty(x.context(), {x.dim(0), x.dim(1), x.dim(2) * factor, x.dim(3) * factor});
  table(x).upsample(x.exec(), x.view(), factor, in(x), out(y));
  return record(y, "upsample_nearest", {x},
                [factor, s = x.shape()](const Tensor& gy, Grads& grads) {
                  Tensor gx = Tensor::empty(gy.context(), s);
                  table(gy).upsample_backward(gy.exec(), gx.view(), factor, in(gy), out(gx));
                  grads.add(0, gx);
                });
}

namespace {

// Channels of quantised values behind each other: where all begin and end at whole floats, else as
// numbers.
Tensor joined_quantized(const std::vector<Tensor>& xs, const Shape& shape) {
  const DType type = xs[0].dtype();
  const int per = quantized_per_word(xs[0]);
  const bool whole =
      std::all_of(xs.begin(), xs.end(), [&](const Tensor& x) { return x.dim(1) % per == 0; });
  if (!whole) {
    std::vector<Tensor> numbers;
    for (const Tensor& x : xs) numbers.push_back(numbers_of(x));
    return quantized_of(concat(numbers), type);
  }
  Tensor y = Tensor::empty(xs[0].context(), shape, type);
  const auto view = [&](const Tensor& t) {
    kernels::View v = channels_view(t);
    v.c /= per;
    v.cs /= per;
    return v;
  };
  int at = 0;
  for (const Tensor& x : xs) {
    table(y).insert_channels(y.exec(), view(x), words(x), view(y), at, words(y));
    at += view(x).c;
  }
  return y;
}

}  // namespace

Tensor concat(const std::vector<Tensor>& xs) {
  GSX_CHECK(!xs.empty(), "concat: needs at least one tensor, got none");
  const Shape& first = xs[0].shape();
  const bool quantized = is_quantized(xs[0]);
  int64_t channels = 0;
  for (const Tensor& x : xs) {
    if (!quantized) check_f32("concat", "every tensor", x);
    GSX_CHECK(x.defined() && x.dtype() == xs[0].dtype(), "concat: all tensors must be of one type");
    check_device("concat", "every tensor", x, "the first", xs[0]);
    const Shape& s = x.shape();
    GSX_CHECK(x.layout() == Layout::image || s.rank() == 2,
              "concat: tensors must be images N C H W or dense [N, C], got shape ", s);
    GSX_CHECK(s.rank() == first.rank() && s[0] == first[0] && s[2] == first[2] && s[3] == first[3],
              "concat: all tensors must agree but for channels, got ", first, " and ", s);
    channels += s[1];
  }
  if (quantized) return joined_quantized(xs, with_channels(first, channels));
  Tensor y = Tensor::empty(xs[0].context(), with_channels(first, channels));
  int at = 0;
  std::vector<Shape> shapes;
  for (const Tensor& x : xs) {
    table(y).insert_channels(y.exec(), channels_view(x), in(x), channels_view(y), at, out(y));
    at += static_cast<int>(x.dim(1));
    shapes.push_back(x.shape());
  }
  return record(y, "concat", xs, [shapes = std::move(shapes)](const Tensor& gy, Grads& grads) {
    int begin = 0;
    for (int i = 0; i < static_cast<int>(shapes.size()); ++i) {
      if (grads.wants(i)) {
        Tensor gx = Tensor::empty(gy.context(), shapes[i]);
        table(gy).extract_channels(gy.exec(), channels_view(gy), in(gy), begin, channels_view(gx),
                                   out(gx));
        grads.add(i, gx);
      }
      begin += static_cast<int>(shapes[i][1]);
    }
  });
}

}  // namespace gsx
