// Steps of the integer program: between floats, codes and exact sums. One formula per element, the
// CPU's.
#include "kernels/cuda/integer.h"

#include "kernels/cuda/image_pieces.h"
#include "kernels/cuda/tables.h"
#include "kernels/cuda/weights.h"

namespace gsx::kernels::GSX_BACKEND {
namespace integers {

// y[i] = f(x[i]), kWidth neighbouring elements per thread, and the n % kWidth elements left over by
// a thread each.
template <int kWidth, class F, class X, class Y>
__global__ void __launch_bounds__(kMapThreads)
    convert_kernel(const F f, const int64_t n, const X* x, Y* y) {
  const int64_t whole = n / kWidth, thread = map_thread();
  if (thread < whole) {
    const auto from = Pack<X, kWidth>::load(x + thread * kWidth);
    Pack<Y, kWidth> to;
#pragma unroll
    for (int i = 0; i < kWidth; ++i) to.value[i] = f(from.value[i]);
    to.store(y + thread * kWidth);
  } else if (const int64_t at = whole * kWidth + (thread - whole); at < n) {
    y[at] = f(x[at]);
  }
}

struct ToCode {
  Quantizer q;
  __device__ int16_t operator()(float x) const {
    return static_cast<int16_t>(static_cast<int32_t>(scalar::quantize_code(x, q)));
  }
};
struct FromCode {
  float scale;
  __device__ float operator()(int16_t code) const { return static_cast<float>(code) * scale; }
};

// y = fma(x, scale[k], bias[k]) over pixels as in image_pieces.h. Moves 8 bytes per element.
template <int kWidth>
__global__ void __launch_bounds__(kPieceThreads)
    sums_to_float_kernel(const ImagePieces p, const float* scale, const float* bias,
                         const int32_t* __restrict__ x, float* __restrict__ y) {
  const PieceThread t = PieceThread::of<kWidth>(p);
  if (!t.active) return;
  float a[kWidth], b[kWidth];
#pragma unroll
  for (int i = 0; i < kWidth; ++i) {
    const bool counts = t.channel + i < p.view.c;
    a[i] = counts ? scale[t.channel + i] : 0.0f;
    b[i] = counts && bias ? bias[t.channel + i] : 0.0f;
  }
#pragma unroll 4
  for (int pixel = t.row; pixel < t.pixels; pixel += p.rows) {
    const int64_t at = t.first + int64_t{pixel} * p.view.cs;
    const auto from = Pack<int32_t, kWidth>::load(x + at);
    Pack<float, kWidth> to;
#pragma unroll
    for (int i = 0; i < kWidth; ++i) {
      to.value[i] = fmaf(static_cast<float>(from.value[i]), a[i], b[i]);
    }
    to.store(y + at);
  }
}

// The codes of weights, s = scales[channel * stride]; padding lanes zero. Moves 5 bytes per weight.
template <int kWidth>
__global__ void __launch_bounds__(kMapThreads)
    weight_codes_kernel(const WeightLanes lanes, const int n, const int stride, const float* w,
                        const float* scales, int8_t* codes) {
  const int64_t at = map_thread() * kWidth;
  if (at >= n) return;
  const auto from = Pack<float, kWidth>::load(w + at);
  Pack<int8_t, kWidth> to;
#pragma unroll
  for (int i = 0; i < kWidth; ++i) {
    const int channel = lanes.channel(static_cast<int>(at) + i);
    const float s = channel < lanes.k ? __ldg(scales + channel * stride) : 0.0f;
    const float code = scalar::clamp(scalar::weight_code(from.value[i], s), -127.0f, 127.0f);
    to.value[i] = static_cast<int8_t>(static_cast<int32_t>(code));  // s = 0 gives 0
  }
  to.store(codes + at);
}

}  // namespace integers

namespace {

using namespace integers;

template <class F, class X, class Y>
void convert(const char* name, Exec& e, int64_t n, const F& f, const X* x, Y* y) {
  if (n == 0) return;
  const bool wide = aligned16(x) && aligned16(y);
  gpu::launch(name, wide ? convert_kernel<4, F, X, Y> : convert_kernel<1, F, X, Y>,
              {map_blocks(wide ? n / 4 + n % 4 : n)}, {kMapThreads}, 0, e.stream, f, n, x, y);
}

void to_codes(Exec& e, int64_t n, const float* x, const Quantizer& q, int16_t* y) {
  convert("to_codes", e, n, ToCode{q}, x, y);
}

void codes_to_float(Exec& e, int64_t n, const int16_t* x, float scale, float* y) {
  convert("codes_to_float", e, n, FromCode{scale}, x, y);
}

void sums_to_float(Exec& e, const View& v, const int32_t* x, const float* scale, const float* bias,
                   float* y) {
  if (v.size() == 0) return;
  const bool wide = v.cs % 4 == 0 && aligned16(x) && aligned16(y);
  const ImagePieces p = ImagePieces::of(v, wide ? 4 : 1);
  gpu::launch("sums_to_float", wide ? sums_to_float_kernel<4> : sums_to_float_kernel<1>, p.grid(),
              {kPieceThreads}, 0, e.stream, p, scale, bias, x, y);
}

void weight_codes(Exec& e, const ChannelBlocks& b, bool per_channel, const float* w,
                  const float* scales, int8_t* codes) {
  check_weights(b);
  const int64_t n = b.size();
  if (n == 0) return;
  const bool wide = n % 4 == 0 && aligned16(w) && aligned16(codes);
  gpu::launch("weight_codes", wide ? weight_codes_kernel<4> : weight_codes_kernel<1>,
              {map_blocks(wide ? n / 4 : n)}, {kMapThreads}, 0, e.stream, WeightLanes::of(b), n,
              per_channel ? 1 : 0, w, scales, codes);
}

}  // namespace

const IntegerKernels integer = {to_codes, codes_to_float,          sums_to_float,
                                add_taps, integers::instance_norm, weight_codes};

}  // namespace gsx::kernels::GSX_BACKEND
