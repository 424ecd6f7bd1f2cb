// FusedPass steps of the integer program: one pass over memory, values in registers between the
// operations. One formula per element, the CPU's.
#include "kernels/cuda/integer.h"

namespace gsx::kernels::GSX_BACKEND::integers {

// Some neighbouring channels of a pixel.
struct Place {
  int64_t at;  // element
  int channel;
  int64_t image;  // image * cs
};

__device__ __forceinline__ float activated(Activation a, float v, float slope) {
  switch (a) {
    case Activation::relu: return scalar::activate<Activation::relu>(v, slope);
    case Activation::leaky_relu: return scalar::activate<Activation::leaky_relu>(v, slope);
    case Activation::tanh: return scalar::activate<Activation::tanh>(v, slope);
    case Activation::sigmoid: return scalar::activate<Activation::sigmoid>(v, slope);
    default: return v;
  }
}

template <int kWidth, class T>
__device__ __forceinline__ void load_quantized(const void* x, int64_t at, float scale, float* v) {
  const auto quantized = Pack<T, kWidth>::load(static_cast<const T*>(x) + at);
#pragma unroll
  for (int i = 0; i < kWidth; ++i) v[i] = static_cast<float>(quantized.value[i]) * scale;
}

template <int kWidth>
__device__ __forceinline__ void load_values(const FusedPass& s, const Place& p, float* v) {
  if (s.source == FusedPass::Source::reals) {
    const auto x = Pack<float, kWidth>::load(static_cast<const float*>(s.x) + p.at);
#pragma unroll
    for (int i = 0; i < kWidth; ++i) v[i] = x.value[i];
  } else if (s.source == FusedPass::Source::accumulators) {
    const auto x = Pack<int32_t, kWidth>::load(static_cast<const int32_t*>(s.x) + p.at);
    Pack<int32_t, kWidth> middle{};
    if (s.middle) middle = Pack<int32_t, kWidth>::load(s.middle + p.image + p.channel);
#pragma unroll
    for (int i = 0; i < kWidth; ++i) v[i] = static_cast<float>(x.value[i] - middle.value[i]);
  } else if (s.source_type == QuantizedType::u8) {
    load_quantized<kWidth, uint8_t>(s.x, p.at, s.source_step, v);
  } else if (s.source_type == QuantizedType::s8) {
    load_quantized<kWidth, int8_t>(s.x, p.at, s.source_step, v);
  } else {
    load_quantized<kWidth, int16_t>(s.x, p.at, s.source_step, v);
  }
}

template <int kWidth>
__device__ __forceinline__ void apply(const PassOp& op, const Place& p, float* v) {
  using F = Pack<float, kWidth>;
  const int64_t own = (op.per_image ? p.image : 0) + p.channel;
  switch (op.kind) {
    case PassOp::Kind::affine: {
      const F a = F::load(op.a + own), b = F::load(op.b + own);
#pragma unroll
      for (int i = 0; i < kWidth; ++i) v[i] = fmaf(v[i], a.value[i], b.value[i]);
      return;
    }
    case PassOp::Kind::centre: {
      const F a = F::load(op.a + own);
#pragma unroll
      for (int i = 0; i < kWidth; ++i) v[i] -= a.value[i];
      return;
    }
    case PassOp::Kind::uniform:
#pragma unroll
      for (int i = 0; i < kWidth; ++i) v[i] = fmaf(v[i], op.scale, op.shift);
      return;
    case PassOp::Kind::activate:
#pragma unroll
      for (int i = 0; i < kWidth; ++i) v[i] = activated(op.activation, v[i], op.slope);
      return;
    case PassOp::Kind::add: {
      const F other = F::load(op.other + p.at);
#pragma unroll
      for (int i = 0; i < kWidth; ++i) v[i] += other.value[i];
      return;
    }
  }
}

template <int kWidth, class T>
__device__ __forceinline__ void store_quantized(const FusedPass& s, int64_t at, const float* v) {
  Pack<T, kWidth> quantized;
#pragma unroll
  for (int i = 0; i < kWidth; ++i) {
    quantized.value[i] =
        static_cast<T>(static_cast<int32_t>(scalar::quantized_value(v[i], s.quantizer)));
  }
  quantized.store(static_cast<T*>(s.quantized) + at);
}

// A thread has kWidth neighbouring channels of one pixel.
template <int kWidth>
__global__ void __launch_bounds__(kMapThreads)
    pass_kernel(const View view, const FusedPass s, const int64_t groups) {
  const int64_t group = map_thread();
  if (group >= groups) return;
  const int64_t at = group * kWidth, pixel = at / view.cs;
  const Place p{at, static_cast<int>(at - pixel * view.cs), pixel / view.plane() * view.cs};
  float v[kWidth];
  load_values<kWidth>(s, p, v);
  for (int i = 0; i < s.count; ++i) apply<kWidth>(s.ops[i], p, v);
#pragma unroll
  for (int i = 0; i < kWidth; ++i) v[i] = p.channel + i < view.c ? v[i] : 0.0f;
  if (s.reals) {
    Pack<float, kWidth> out;
#pragma unroll
    for (int i = 0; i < kWidth; ++i) out.value[i] = v[i];
    out.store(s.reals + at);
  }
  if (!s.quantized) return;
  if (s.quantized_type == QuantizedType::u8) store_quantized<kWidth, uint8_t>(s, at, v);
  else if (s.quantized_type == QuantizedType::s8) store_quantized<kWidth, int8_t>(s, at, v);
  else store_quantized<kWidth, int16_t>(s, at, v);
}

namespace {

bool all_aligned(const FusedPass& s) {
  bool all = aligned16(s.x) && aligned16(s.middle) && aligned16(s.reals) && aligned16(s.quantized);
  for (int i = 0; i < s.count; ++i)
    all = all && aligned16(s.ops[i].a) && aligned16(s.ops[i].b) && aligned16(s.ops[i].other);
  return all;
}

}  // namespace

void fused_pass(Exec& e, const View& v, const FusedPass& s) {
  if (v.size() == 0) return;
  const bool wide = v.cs % 4 == 0 && all_aligned(s);
  const int64_t groups = v.size() / (wide ? 4 : 1);
  gpu::launch("fused_pass", wide ? pass_kernel<4> : pass_kernel<1>, {map_blocks(groups)},
              {kMapThreads}, 0, e.stream, v, s, groups);
}

}  // namespace gsx::kernels::GSX_BACKEND::integers
