// FusedPass steps, block by block in the nearest cache: loops that the compiler vectorises.
#include <algorithm>

#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/integer_steps.h"
#include "kernels/cpu/parallel.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/fused_pass.cpp"
#include "kernels/cpu/simd.h"
// Highway comes after the choice of targets.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace gsx::kernels {
namespace HWY_NAMESPACE {
namespace {

constexpr int64_t kBlock = 2048;  // numbers of a block, at least one pixel

// Pixels of one image: the element they begin at, how many, and where the image's channels begin.
struct Block {
  int64_t at;
  int pixels, cs;
  int64_t channels;  // image * cs
};

void load_sums(const Block& b, const int32_t* HWY_RESTRICT x, const int32_t* middle,
               float* HWY_RESTRICT v) {
  x += b.at;
  if (middle == nullptr) {
    for (int i = 0; i < b.pixels * b.cs; ++i) v[i] = static_cast<float>(x[i]);
    return;
  }
  const int32_t* HWY_RESTRICT m = middle + b.channels;
  for (int p = 0; p < b.pixels; ++p, x += b.cs, v += b.cs)
    for (int c = 0; c < b.cs; ++c) v[c] = static_cast<float>(x[c] - m[c]);
}

template <class T>
void load_quantized(const Block& b, const T* HWY_RESTRICT x, float scale, float* HWY_RESTRICT v) {
  x += b.at;
  for (int i = 0; i < b.pixels * b.cs; ++i) v[i] = static_cast<float>(x[i]) * scale;
}

void load(const Block& b, const FusedPass& s, float* v) {
  switch (s.source) {
    case FusedPass::Source::accumulators:
      return load_sums(b, static_cast<const int32_t*>(s.x), s.middle, v);
    case FusedPass::Source::quantized:
      return with_quantized_type(s.source_type, [&]<class T>() {
        load_quantized(b, static_cast<const T*>(s.x), s.source_step, v);
      });
    case FusedPass::Source::reals: break;
  }
  std::copy_n(static_cast<const float*>(s.x) + b.at, b.pixels * b.cs, v);
}

void affine(const Block& b, const float* HWY_RESTRICT scale, const float* HWY_RESTRICT shift,
            float* HWY_RESTRICT v) {
  for (int p = 0; p < b.pixels; ++p, v += b.cs)
    for (int c = 0; c < b.cs; ++c) v[c] = std::fma(v[c], scale[c], shift[c]);
}

void apply(const Block& b, const PassOp& op, float* HWY_RESTRICT v) {
  const int count = b.pixels * b.cs;
  const int64_t from = op.per_image ? b.channels : 0;
  switch (op.kind) {
    case PassOp::Kind::affine: return affine(b, op.a + from, op.b + from, v);
    case PassOp::Kind::centre: {
      const float* HWY_RESTRICT a = op.a + from;
      for (int p = 0; p < b.pixels; ++p, v += b.cs)
        for (int c = 0; c < b.cs; ++c) v[c] -= a[c];
      return;
    }
    case PassOp::Kind::uniform:
      for (int i = 0; i < count; ++i) v[i] = std::fma(v[i], op.scale, op.shift);
      return;
    case PassOp::Kind::activate:
      return with_activation(op.activation, [&]<Activation A>() {
        for (int i = 0; i < count; ++i) v[i] = scalar::activate<A>(v[i], op.slope);
      });
    case PassOp::Kind::add: {
      const float* HWY_RESTRICT other = op.other + b.at;
      for (int i = 0; i < count; ++i) v[i] += other[i];
      return;
    }
  }
}

template <class T>
void store_quantized(const Block& b, const float* HWY_RESTRICT v, const Quantizer& q,
                     T* HWY_RESTRICT y) {
  y += b.at;
  for (int i = 0; i < b.pixels * b.cs; ++i)
    y[i] = static_cast<T>(static_cast<int32_t>(scalar::quantized_value(v[i], q)));
}

void run_block(const Block& b, int channels, const FusedPass& s, float* v) {
  load(b, s, v);
  for (int i = 0; i < s.count; ++i) apply(b, s.ops[i], v);
  for (int p = 0; p < b.pixels && channels < b.cs; ++p)
    std::fill(v + int64_t{p} * b.cs + channels, v + int64_t{p + 1} * b.cs, 0.0f);
  if (s.reals != nullptr) std::copy_n(v, b.pixels * b.cs, s.reals + b.at);
  if (s.quantized == nullptr) return;
  with_quantized_type(s.quantized_type, [&]<class T>() {
    store_quantized(b, v, s.quantizer, static_cast<T*>(s.quantized));
  });
}

}  // namespace

void RunFusedPass(Exec& e, const View& v, const FusedPass& s) {
  const int64_t grain = pixel_grain(v.cs), chunks = (v.plane() + grain - 1) / grain;
  const int64_t block = std::max<int64_t>(1, kBlock / v.cs);
  Workspace::Scope scope(*e.workspace);
  float* values = e.workspace->take<float>(block * v.cs * e.pool->size());
  e.pool->run(v.n * chunks, [&](int64_t task, int worker) {
    const int64_t image = task / chunks, first = task % chunks * grain;
    const int64_t end = std::min(first + grain, v.plane());
    for (int64_t p = first; p < end; p += block) {
      const Block b{image * v.image() + p * v.cs, static_cast<int>(std::min(block, end - p)), v.cs,
                    image * v.cs};
      run_block(b, v.c, s, values + worker * block * v.cs);
    }
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace gsx::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gsx::kernels {
HWY_EXPORT(RunFusedPass);
void fused_pass(Exec& e, const View& v, const FusedPass& s) { GSX_DISPATCH(RunFusedPass)(e, v, s); }
}  // namespace gsx::kernels
#endif
