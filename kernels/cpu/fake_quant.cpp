// Fake quantisation of activations and weights.
#include "kernels/fake_quant.h"

#include "kernels/cpu/largest.h"
#include "kernels/cpu/parallel.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/fake_quant.cpp"
#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/simd.h"
// Highway comes after the choice of targets.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace gsx::kernels {
namespace HWY_NAMESPACE {
namespace {

void forward(Exec& e, int64_t n, const Quantizer& quantizer, const float* x, float* y) {
  e.pool->for_ranges(n, kElementGrain, [&, q = quantizer](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) y[i] = scalar::quantize(x[i], q);
  });
}

void backward(Exec& e, int64_t n, const Quantizer& quantizer, const float* x, const float* gy,
              float* gx) {
  e.pool->for_ranges(n, kElementGrain, [&, q = quantizer](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) gx[i] = gy[i] * scalar::quantize_slope(x[i], q);
  });
}

// largest[k] = max |w| of channel k over outer blocks [begin, end).
void largest_of(const ChannelBlocks& b, const float* w, int64_t begin, int64_t end,
                float* largest) {
  std::fill_n(largest, b.k, 0.0f);
  if (b.inner == 1) return add_largest(end - begin, b.k, b.ks, w + begin * b.ks, largest);
  for (int64_t o = begin; o < end; ++o) {
    for (int64_t k = 0; k < b.k; ++k) {
      const float* row = w + (o * b.ks + k) * b.inner;
      for (int64_t i = 0; i < b.inner; ++i) largest[k] = std::max(largest[k], std::fabs(row[i]));
    }
  }
}

void weight_scales(Exec& e, const ChannelBlocks& b, float levels, bool per_channel, const float* w,
                   float* scales) {
  Workspace::Scope scope(*e.workspace);
  const int64_t grain = pixel_grain(b.ks * b.inner);
  const int64_t tasks = (b.outer + grain - 1) / grain;
  float *parts = e.workspace->take<float>(tasks * b.k), *largest = e.workspace->take<float>(b.k);
  e.pool->for_ranges(b.outer, grain, [&](int64_t begin, int64_t end) {
    largest_of(b, w, begin, end, parts + begin / grain * b.k);
  });
  std::fill_n(largest, b.k, 0.0f);
  add_largest(tasks, b.k, b.k, parts, largest);
  if (per_channel) {
    for (int64_t k = 0; k < b.k; ++k) scales[k] = largest[k] / levels;
  } else {
    scales[0] = *std::max_element(largest, largest + b.k) / levels;
  }
}

// n weights of one scale, and of a scale each.
void quantize_row(int64_t n, float scale, const float* HWY_RESTRICT w, float* HWY_RESTRICT y) {
  for (int64_t i = 0; i < n; ++i) y[i] = scalar::quantized_weight(w[i], scale) * scale;
}
void quantize_row(int64_t n, const float* HWY_RESTRICT scales, const float* HWY_RESTRICT w,
                  float* HWY_RESTRICT y) {
  for (int64_t i = 0; i < n; ++i) y[i] = scalar::quantized_weight(w[i], scales[i]) * scales[i];
}

void weight_forward(Exec& e, const ChannelBlocks& b, bool per_channel, const float* w,
                    const float* scales, float* y) {
  const int64_t block = b.ks * b.inner;
  e.pool->for_ranges(b.outer, pixel_grain(block), [&](int64_t begin, int64_t end) {
    for (int64_t at = begin * block; at < end * block; at += block) {
      if (!per_channel) {
        quantize_row(b.k * b.inner, scales[0], w + at, y + at);
      } else if (b.inner == 1) {
        quantize_row(b.k, scales, w + at, y + at);
      } else {
        for (int64_t k = 0; k < b.k; ++k)
          quantize_row(b.inner, scales[k], w + at + k * b.inner, y + at + k * b.inner);
      }
      std::fill(y + at + b.k * b.inner, y + at + block, 0.0f);
    }
  });
}

const FakeQuantKernels& table() {
  static constexpr FakeQuantKernels kTable = {forward, backward, weight_scales, weight_forward};
  return kTable;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace gsx::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gsx::kernels {
namespace {
HWY_EXPORT(table);
const FakeQuantKernels& best() { return GSX_DISPATCH(table)(); }
template <auto entry>
constexpr auto kBest = Dispatch<entry, best>::call;
}  // namespace

const FakeQuantKernels cpu_fake_quant = {
    kBest<&FakeQuantKernels::forward>, kBest<&FakeQuantKernels::backward>,
    kBest<&FakeQuantKernels::weight_scales>, kBest<&FakeQuantKernels::weight_forward>};

}  // namespace gsx::kernels
#endif
