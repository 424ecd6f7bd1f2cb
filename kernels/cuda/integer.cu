// Quantised values of weights, and the integer program's table.
#include "kernels/cuda/integer.h"

#include "kernels/cuda/tables.h"
#include "kernels/cuda/weights.h"

namespace gsx::kernels::GSX_BACKEND {
namespace integers {

// The quantised values of weights, s = scales[channel * stride]; padding lanes zero. Moves 5 bytes
// per weight.
template <int kWidth>
__global__ void __launch_bounds__(kMapThreads)
    weight_quantized_kernel(const WeightLanes lanes, const int n, const int stride, const float* w,
                            const float* scales, int8_t* quantized) {
  const int64_t at = map_thread() * kWidth;
  if (at >= n) return;
  const auto from = Pack<float, kWidth>::load(w + at);
  Pack<int8_t, kWidth> to;
#pragma unroll
  for (int i = 0; i < kWidth; ++i) {
    const int channel = lanes.channel(static_cast<int>(at) + i);
    const float s = channel < lanes.k ? __ldg(scales + channel * stride) : 0.0f;
    const float level = scalar::clamp(scalar::quantized_weight(from.value[i], s), -127.0f, 127.0f);
    to.value[i] = static_cast<int8_t>(static_cast<int32_t>(level));  // s = 0 gives 0
  }
  to.store(quantized + at);
}

template <class T>
__global__ void __launch_bounds__(kMapThreads)
    wide_quantized_kernel(const int64_t n, const T* x, int16_t* y) {
  const int64_t at = map_thread();
  if (at < n) y[at] = static_cast<int16_t>(x[at]);
}

const int16_t* wide_quantized(Exec& e, const View& v, const QuantizedImage& x) {
  if (x.type == QuantizedType::s16) return static_cast<const int16_t*>(x.data);
  const int64_t n = v.size();
  int16_t* y = e.workspace->take<int16_t>(n);
  if (x.type == QuantizedType::u8) {
    gpu::launch("wide_quantized", wide_quantized_kernel<uint8_t>, {map_blocks(n)}, {kMapThreads}, 0,
                e.stream, n, static_cast<const uint8_t*>(x.data), y);
  } else {
    gpu::launch("wide_quantized", wide_quantized_kernel<int8_t>, {map_blocks(n)}, {kMapThreads}, 0,
                e.stream, n, static_cast<const int8_t*>(x.data), y);
  }
  return y;
}

}  // namespace integers

namespace {

using namespace integers;

void quantized_weights(Exec& e, const ChannelBlocks& b, bool per_channel, const float* w,
                       const float* scales, int8_t* quantized) {
  check_weights(b);
  const int64_t n = b.size();
  if (n == 0) return;
  const bool wide = n % 4 == 0 && aligned16(w) && aligned16(quantized);
  gpu::launch("weight_quantized", wide ? weight_quantized_kernel<4> : weight_quantized_kernel<1>,
              {map_blocks(wide ? n / 4 : n)}, {kMapThreads}, 0, e.stream, WeightLanes::of(b), n,
              per_channel ? 1 : 0, w, scales, quantized);
}

}  // namespace

const IntegerKernels integer = {quantized_weights, add_taps,   exact_sums,    norm_of_integers,
                                norm_of_reals,     fused_pass, convolve_reals};

}  // namespace gsx::kernels::GSX_BACKEND
