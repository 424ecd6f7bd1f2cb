// The convolution table with its passes in floating point computed by cuDNN. A transposed
// convolution is the gradient of one from its output to its input, so every pass is one of cuDNN's
// three between a larger and a smaller image. cuDNN pads by zeros, alike on both sides: other
// borders are written out. Shapes that are not plain (ConvShape::plain) go to our own kernels. As
// in conv.cu, passes with at most four channels on a side run in FP32.
#include "kernels/cuda/staging.h"
#include "kernels/cuda/tables.h"
#include "kernels/cudnn.h"

namespace gsx::kernels::GSX_BACKEND {
namespace {

using staging::Bf16;
using staging::Frame;

// A convolution as cuDNN sees it.
struct Problem {
  CudnnShape shape;
  Frame frame;  // of the larger image; none where cuDNN pads itself

  bool framed() const {
    return frame.outer.h != frame.inner.h || frame.outer.w != frame.inner.w || frame.top != 0 ||
           frame.left != 0;
  }
  int64_t filter_size() const { return int64_t{shape.small.cs} * shape.r * shape.s * shape.big.cs; }
};

// Whether `pad` zeros on both sides of `big` give `small`, and are no more than a filter covers.
bool same_by_even_padding(int big, int small, int pad, int taps, int stride) {
  return pad >= 0 && pad < taps && big + 2 * pad >= taps &&
         (big + 2 * pad - taps) / stride + 1 == small;
}

Problem problem(const Exec& e, const ConvShape& s) {
  const View y = s.y(), &big = s.transposed ? y : s.x, &small = s.transposed ? s.x : y;
  const int stride = s.stride.y;
  Problem p;
  p.shape = {big, small, s.w.r, s.w.s, stride, s.top, s.left, MathMode::fp32};
  if (big.c > 4 && small.c > 4) p.shape.math = e.math;
  p.frame = Frame::none(big);
  if (s.pad_mode == PadMode::zero && same_by_even_padding(big.h, small.h, s.top, s.w.r, stride) &&
      same_by_even_padding(big.w, small.w, s.left, s.w.s, stride)) {
    return p;
  }
  const View outer =
      View::of(big.n, (small.h - 1) * stride + s.w.r, (small.w - 1) * stride + s.w.s, big.c);
  p.frame = {big, outer, s.top, s.left, s.pad_mode == PadMode::reflect};
  p.shape.big = outer;
  p.shape.top = p.shape.left = 0;
  return p;
}

// Calls f with a T of the pass's arithmetic: what cuDNN's operands are made of.
template <class F>
void with_type(const Problem& p, F&& f) {
  if (p.shape.math == MathMode::bf16) f(Bf16{});
  else f(float{});
}

// The image as cuDNN reads it: itself where nothing must change.
template <class T>
const void* operand(Exec& e, const Frame& frame, bool framed, const float* image) {
  if (std::is_same_v<T, float> && !framed) return image;
  T* copy = e.workspace->take<T>(frame.outer.size());
  staging::widen(e, frame, image, copy);
  return copy;
}

template <class T>
const void* filter(Exec& e, const ConvShape& s, const Problem& p, const float* w) {
  T* copy = e.workspace->take<T>(p.filter_size());
  staging::filter_out(e, s, w, copy);
  return copy;
}

// An image that cuDNN writes and that is then brought into `image`, plus bias.
template <class T>
class Result {
 public:
  Result(Exec& e, const Frame& frame, bool framed, float* image)
      : e_(e), frame_(frame), image_(image), staged_(!std::is_same_v<T, float> || framed) {
    if (staged_) copy_ = e.workspace->take<T>(frame.outer.size());
  }
  void* data() const { return staged_ ? static_cast<void*>(copy_) : image_; }
  void finish(const float* bias) const {
    if (staged_) staging::narrow(e_, frame_, copy_, bias, image_);
    else if (bias) staging::narrow(e_, frame_, image_, bias, image_);
  }

 private:
  Exec& e_;
  const Frame& frame_;
  float* image_;
  bool staged_;
  T* copy_ = nullptr;
};

// small = correlation of big, + bias.
void gather(Exec& e, const ConvShape& s, const float* big, const float* w, const float* bias,
            float* small) {
  const Problem p = problem(e, s);
  const Frame none = Frame::none(p.shape.small);
  Workspace::Scope scope(*e.workspace);
  with_type(p, [&](auto type) {
    using T = decltype(type);
    const void* x = operand<T>(e, p.frame, p.framed(), big);
    const Result<T> result(e, none, false, small);
    e.cudnn->forward(e, p.shape, x, filter<T>(e, s, p, w), result.data());
    result.finish(bias);
  });
}

// big = what small spreads, + bias.
void spread(Exec& e, const ConvShape& s, const float* small, const float* w, const float* bias,
            float* big) {
  const Problem p = problem(e, s);
  const Frame none = Frame::none(p.shape.small);
  Workspace::Scope scope(*e.workspace);
  with_type(p, [&](auto type) {
    using T = decltype(type);
    const void* y = operand<T>(e, none, false, small);
    const Result<T> result(e, p.frame, p.framed(), big);
    e.cudnn->backward_big(e, p.shape, y, filter<T>(e, s, p, w), result.data());
    result.finish(bias);
  });
}

void forward(Exec& e, const ConvShape& s, const float* x, const float* w, const float* bias,
             float* y, Moments moments) {
  if (!s.plain()) return conv.forward(e, s, x, w, bias, y, moments);
  if (s.transposed) spread(e, s, x, w, bias, y);
  else gather(e, s, x, w, bias, y);
  if (moments) instance_norm.moments(e, s.y(), y, moments);
}

void backward_input(Exec& e, const ConvShape& s, const float* gy, const float* w, float* gx) {
  if (!s.plain()) return conv.backward_input(e, s, gy, w, gx);
  if (s.transposed) gather(e, s, gy, w, nullptr, gx);
  else spread(e, s, gy, w, nullptr, gx);
}

void backward_weight(Exec& e, const ConvShape& s, const float* x, const float* gy, bool accumulate,
                     float* gw) {
  if (!s.plain()) return conv.backward_weight(e, s, x, gy, accumulate, gw);
  const Problem p = problem(e, s);
  Workspace::Scope scope(*e.workspace);
  with_type(p, [&](auto type) {
    using T = decltype(type);
    const void* big = operand<T>(e, p.frame, p.framed(), s.transposed ? gy : x);
    const void* small = operand<T>(e, Frame::none(p.shape.small), false, s.transposed ? x : gy);
    T* filter = e.workspace->take<T>(p.filter_size());
    e.cudnn->backward_weight(e, p.shape, big, small, filter);
    staging::filter_in(e, s, filter, accumulate, gw);
  });
}

}  // namespace

const ConvKernels cudnn_conv = {
    .forward = forward,
    .backward_input = backward_input,
    .backward_weight = backward_weight,
    .backward_bias = [](Exec& e, const View& v, const float* gy, bool accumulate,
                        float* gbias) { conv.backward_bias(e, v, gy, accumulate, gbias); },
    .pack_quantized = [](const ConvShape& s, const int8_t* w) { return conv.pack_quantized(s, w); },
    .unpack_quantized = [](const ConvShape& s, const int8_t* packed,
                           int8_t* w) { conv.unpack_quantized(s, packed, w); },
    .forward_quantized = [](Exec& e, const ConvShape& s, const QuantizedImage& x,
                            const int8_t* packed, int32_t* y,
                            ExactSums sums) { conv.forward_quantized(e, s, x, packed, y, sums); },
};

}  // namespace gsx::kernels::GSX_BACKEND
