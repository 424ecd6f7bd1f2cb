// Fused instance norm. Statistics and gradient sums go through partial results per band of pixels,
// merged per channel in a fixed order; the passes that write run over contiguous channels.
#include "kernels/instance_norm.h"

#include "kernels/cpu/moments.h"
#include "kernels/cpu/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/instance_norm.cpp"
#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/simd.h"
// Highway comes after the choice of targets.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace gsx::kernels {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int64_t kPixels = kChunkPixels;

// Calls f(tag, c) for the vectors of cs channels: whole ones, then halves, then single lanes.
template <class F>
HWY_INLINE void for_vectors(int cs, F&& f) {
  const hn::ScalableTag<float> full;
  const hn::CappedTag<float, 8> half;
  const hn::CappedTag<float, 1> one;
  int c = 0;
  for (; c + static_cast<int>(hn::Lanes(full)) <= cs; c += static_cast<int>(hn::Lanes(full)))
    f(full, c);
  for (; c + static_cast<int>(hn::Lanes(half)) <= cs; c += static_cast<int>(hn::Lanes(half)))
    f(half, c);
  for (; c < cs; ++c) f(one, c);
}

// How the planes of a batch are cut: `bands` tasks per image of at most `pixels` pixels.
struct Bands {
  explicit Bands(const View& v)
      : view(v),
        pixels(std::max<int64_t>(kPixels, pixel_grain(v.cs, 32768) / kPixels * kPixels)),
        bands((v.plane() + pixels - 1) / pixels) {}

  int64_t tasks() const { return view.n * bands; }
  int64_t size(int64_t band) const { return std::min(pixels, view.plane() - band * pixels); }

  // Calls f(task, image, first element, pixels) for each.
  template <class F>
  void run(Exec& e, F&& f) const {
    e.pool->run(tasks(), [&](int64_t task, int) {
      const int64_t n = task / bands, b = task % bands;
      f(task, n, (n * view.plane() + b * pixels) * view.cs, size(b));
    });
  }

  const View& view;
  int64_t pixels, bands;
};

void moments(Exec& e, const View& v, const float* x, Moments out) {
  Workspace::Scope scope(*e.workspace);
  const Bands bands(v);
  const ImageMoments images(*e.workspace, v);
  const MomentParts parts(*e.workspace, bands.tasks(), v.cs);
  bands.run(e, [&](int64_t task, int64_t, int64_t at, int64_t pixels) {
    PixelMoments own(parts[task]);
    for (int64_t p = 0; p < pixels; ++p) own.add(x + at + p * v.cs);
  });
  for (int64_t task = 0; task < bands.tasks(); ++task)
    images.add(static_cast<int>(task / bands.bands), 0, parts[task]);
  images.write(out);
}

// Per image, cs floats each: z = (x - mean) * scale + shift; all zero on padding lanes.
struct Coefficients {
  float *mean, *scale, *shift, *inv;
  Coefficients of(int64_t at) const { return {mean + at, scale + at, shift + at, inv + at}; }
};

Coefficients coefficients(Exec& e, const View& v, float eps, const float* gamma, const float* beta,
                          const float* mean, const float* var) {
  const int64_t size = int64_t{v.n} * v.cs;
  const Coefficients k = {e.workspace->take<float>(size), e.workspace->take<float>(size),
                          e.workspace->take<float>(size), e.workspace->take<float>(size)};
  for (int64_t i = 0; i < size; ++i) {
    const int64_t n = i / v.cs, c = i % v.cs;
    k.mean[i] = k.scale[i] = k.shift[i] = k.inv[i] = 0;
    if (c >= v.c) continue;
    const double inv = 1.0 / std::sqrt(static_cast<double>(var[n * v.c + c]) + eps);
    k.mean[i] = mean[n * v.c + c];
    k.inv[i] = static_cast<float>(inv);
    k.scale[i] = gamma ? static_cast<float>(gamma[c] * inv) : k.inv[i];
    k.shift[i] = beta ? beta[c] : 0.0f;
  }
  return k;
}

// What follows the norm, on vectors: scalar::activate and scalar::quantize, the same bits.
template <Activation A, bool kQuantized>
struct Epilogue {
  const NormEpilogue& o;

  template <class D, class V = hn::Vec<D>>
  HWY_INLINE V activate(D d, V z) const {
    if constexpr (A == Activation::relu)
      return hn::IfThenElse(hn::Lt(z, hn::Zero(d)), hn::Zero(d), z);
    if constexpr (A == Activation::leaky_relu)
      return hn::IfThenElse(hn::Lt(z, hn::Zero(d)), hn::Mul(z, hn::Set(d, o.slope)), z);
    return z;
  }

  // Keeps a NaN, like scalar::clamp.
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE V clamp(D d, V v, float lo, float hi) {
    const auto raised = hn::IfThenElse(hn::Lt(v, hn::Set(d, lo)), hn::Set(d, lo), v);
    return hn::IfThenElse(hn::Gt(raised, hn::Set(d, hi)), hn::Set(d, hi), raised);
  }

  template <class D, class V = hn::Vec<D>>
  HWY_INLINE V quantize(D d, V v) const {
    if constexpr (!kQuantized) return v;
    const Quantizer& q = o.quantizer;
    const auto magic = hn::Set(d, 12582912.0f);  // as scalar::round_half_even
    const auto scaled = hn::Mul(clamp(d, v, q.clamp_lo, q.clamp_hi), hn::Set(d, q.inverse));
    const auto level = hn::Sub(hn::Add(scaled, magic), magic);
    return hn::Mul(clamp(d, level, q.lo, q.hi), hn::Set(d, q.scale));
  }

  template <class D, class V = hn::Vec<D>>
  HWY_INLINE V forward(D d, V z) const {
    return quantize(d, activate(d, z));
  }

  // The gradient with respect to z.
  template <class D, class V = hn::Vec<D>>
  HWY_INLINE V backward(D d, V z, V g) const {
    if constexpr (kQuantized) {
      const auto a = activate(d, z);
      const auto inside = hn::And(hn::Ge(a, hn::Set(d, o.quantizer.clamp_lo)),
                                  hn::Le(a, hn::Set(d, o.quantizer.clamp_hi)));
      g = hn::IfThenElseZero(inside, g);
    }
    const auto positive = hn::Gt(z, hn::Zero(d));
    if constexpr (A == Activation::relu) g = hn::IfThenElseZero(positive, g);
    if constexpr (A == Activation::leaky_relu)
      g = hn::IfThenElse(positive, g, hn::Mul(g, hn::Set(d, o.slope)));
    return g;
  }
};

// Calls f(Epilogue) with activation and quantiser as constants.
template <class F>
void with_epilogue(const NormEpilogue& o, F&& f) {
  const auto choose = [&]<Activation A>() {
    if (o.quantized) f(Epilogue<A, true>{o});
    else f(Epilogue<A, false>{o});
  };
  switch (o.activation) {
    case Activation::relu: return choose.template operator()<Activation::relu>();
    case Activation::leaky_relu: return choose.template operator()<Activation::leaky_relu>();
    default: return choose.template operator()<Activation::none>();
  }
}

template <class E>
void forward_band(const E& epilogue, const Coefficients& k, int cs, int64_t pixels, const float* x,
                  const float* residual, float* y) {
  for (int64_t p = 0; p < pixels; ++p) {
    for_vectors(cs, [&](auto d, int c) HWY_ATTR {
      const int64_t at = p * cs + c;
      const auto centred = hn::Sub(hn::LoadU(d, x + at), hn::LoadU(d, k.mean + c));
      auto z = hn::MulAdd(centred, hn::LoadU(d, k.scale + c), hn::LoadU(d, k.shift + c));
      z = epilogue.forward(d, z);
      if (residual) z = hn::Add(z, hn::LoadU(d, residual + at));
      hn::StoreU(z, d, y + at);
    });
  }
}

void forward(Exec& e, const View& v, const NormEpilogue& o, const InstanceNormForward& t) {
  Workspace::Scope scope(*e.workspace);
  if (!t.given) moments(e, v, t.x, t.moments);
  const Coefficients k = coefficients(e, v, o.eps, t.gamma, t.beta, t.moments.mean, t.moments.var);
  with_epilogue(o, [&](const auto& epilogue) {
    Bands(v).run(e, [&](int64_t, int64_t n, int64_t at, int64_t pixels) {
      forward_band(epilogue, k.of(n * v.cs), v.cs, pixels, t.x + at,
                   t.residual ? t.residual + at : nullptr, t.y + at);
    });
  });
}

// sums[c], sums[cs + c] += sum of gz and of gz * (x - mean) over at most kTogether pixels.
template <class E>
HWY_INLINE void add_gradients(const E& epilogue, const Coefficients& k, int cs, int pixels,
                              const float* x, const float* gy, float* sums) {
  for_vectors(cs, [=, &epilogue](auto d, int c) HWY_ATTR {
    const auto mean = hn::LoadU(d, k.mean + c), scale = hn::LoadU(d, k.scale + c),
               shift = hn::LoadU(d, k.shift + c);
    auto s1 = hn::LoadU(d, sums + c), s2 = hn::LoadU(d, sums + cs + c);
    for (int64_t at = c; at < int64_t{pixels} * cs; at += cs) {
      const auto centred = hn::Sub(hn::LoadU(d, x + at), mean);
      const auto g = epilogue.backward(d, hn::MulAdd(centred, scale, shift), hn::LoadU(d, gy + at));
      s1 = hn::Add(s1, g);
      s2 = hn::MulAdd(g, centred, s2);
    }
    hn::StoreU(s1, d, sums + c);
    hn::StoreU(s2, d, sums + cs + c);
  });
}

// The same over a chunk, alone. A few pixels at a time: memory is then read as it lies, and sums
// are loaded and stored less often than pixels.
template <class E>
void gradient_chunk(const E& epilogue, const Coefficients& k, int cs, int64_t pixels,
                    const float* x, const float* gy, float* sums) {
  constexpr int kTogether = 4;
  std::fill_n(sums, 2 * cs, 0.0f);
  for (int64_t p = 0; p < pixels; p += kTogether) {
    const auto count = static_cast<int>(std::min<int64_t>(kTogether, pixels - p));
    add_gradients(epilogue, k, cs, count, x + p * cs, gy + p * cs, sums);
  }
}

struct GradientSums {
  double *g, *gx;  // per image: cs sums of gz and of gz * xhat
};

GradientSums gradient_sums(Exec& e, const View& v, const NormEpilogue& o,
                           const InstanceNormBackward& t, const Coefficients& k) {
  const Bands bands(v);
  const int64_t row = 2 * v.cs;
  double* partial = e.workspace->take<double>(bands.tasks() * row);
  float* sums = e.workspace->take<float>(bands.tasks() * row);
  with_epilogue(o, [&](const auto& epilogue) {
    bands.run(e, [&](int64_t task, int64_t n, int64_t at, int64_t pixels) {
      double* HWY_RESTRICT d = partial + task * row;
      float* HWY_RESTRICT s = sums + task * row;
      std::fill_n(d, row, 0.0);
      for (int64_t p = 0; p < pixels; p += kPixels) {
        const int64_t from = at + p * v.cs;
        gradient_chunk(epilogue, k.of(n * v.cs), v.cs, std::min(kPixels, pixels - p), t.x + from,
                       t.gy + from, s);
        for (int64_t c = 0; c < row; ++c) d[c] += s[c];
      }
    });
  });
  const int64_t size = int64_t{v.n} * v.cs;
  const GradientSums out = {e.workspace->take<double>(size), e.workspace->take<double>(size)};
  for (int64_t i = 0; i < size; ++i) {
    double* first = partial + i / v.cs * bands.bands * row + i % v.cs;
    out.g[i] = tree_sum(first, bands.bands, row);
    out.gx[i] = tree_sum(first + v.cs, bands.bands, row) * k.inv[i];
  }
  return out;
}

// gx = scale * (gz - mean_g - slope_g * (x - mean))
template <class E>
void input_band(const E& epilogue, const Coefficients& k, const float* mean_g, const float* slope_g,
                int cs, int64_t pixels, const float* x, const float* gy, float* gx) {
  for (int64_t p = 0; p < pixels; ++p) {
    for_vectors(cs, [&](auto d, int c) HWY_ATTR {
      const int64_t at = p * cs + c;
      const auto scale = hn::LoadU(d, k.scale + c);
      const auto centred = hn::Sub(hn::LoadU(d, x + at), hn::LoadU(d, k.mean + c));
      const auto z = hn::MulAdd(centred, scale, hn::LoadU(d, k.shift + c));
      const auto g =
          hn::Sub(epilogue.backward(d, z, hn::LoadU(d, gy + at)), hn::LoadU(d, mean_g + c));
      hn::StoreU(hn::Mul(scale, hn::NegMulAdd(hn::LoadU(d, slope_g + c), centred, g)), d, gx + at);
    });
  }
}

void input_gradient(Exec& e, const View& v, const NormEpilogue& o, const InstanceNormBackward& t,
                    const Coefficients& k, const GradientSums& sums) {
  const int64_t size = int64_t{v.n} * v.cs;
  float* mean_g = e.workspace->take<float>(size);
  float* slope_g = e.workspace->take<float>(size);
  for (int64_t i = 0; i < size; ++i) {
    mean_g[i] = static_cast<float>(sums.g[i] / static_cast<double>(v.plane()));
    slope_g[i] = static_cast<float>(sums.gx[i] * k.inv[i] / static_cast<double>(v.plane()));
  }
  with_epilogue(o, [&](const auto& epilogue) {
    Bands(v).run(e, [&](int64_t, int64_t n, int64_t at, int64_t pixels) {
      input_band(epilogue, k.of(n * v.cs), mean_g + n * v.cs, slope_g + n * v.cs, v.cs, pixels,
                 t.x + at, t.gy + at, t.gx + at);
    });
  });
}

void backward(Exec& e, const View& v, const NormEpilogue& o, const InstanceNormBackward& t) {
  Workspace::Scope scope(*e.workspace);
  const Coefficients k = coefficients(e, v, o.eps, t.gamma, t.beta, t.mean, t.var);
  const GradientSums sums = gradient_sums(e, v, o, t, k);
  if (t.gx) input_gradient(e, v, o, t, k, sums);
  for (int c = 0; c < v.c; ++c) {  // last: tree_sum overwrites the sums
    const float gamma = static_cast<float>(tree_sum(sums.gx + c, v.n, v.cs));
    const float beta = static_cast<float>(tree_sum(sums.g + c, v.n, v.cs));
    if (t.ggamma) t.ggamma[c] = (t.accumulate_gamma ? t.ggamma[c] : 0.0f) + gamma;
    if (t.gbeta) t.gbeta[c] = (t.accumulate_beta ? t.gbeta[c] : 0.0f) + beta;
  }
}

const InstanceNormKernels& table() {
  static constexpr InstanceNormKernels kTable = {moments, forward, backward};
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
const InstanceNormKernels& best() { return GSX_DISPATCH(table)(); }
template <auto entry>
constexpr auto kBest = Dispatch<entry, best>::call;
}  // namespace

const InstanceNormKernels cpu_instance_norm = {kBest<&InstanceNormKernels::moments>,
                                               kBest<&InstanceNormKernels::forward>,
                                               kBest<&InstanceNormKernels::backward>};

}  // namespace gsx::kernels
#endif
