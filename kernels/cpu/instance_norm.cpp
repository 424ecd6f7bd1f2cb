// Fused instance norm. Loops run over contiguous channels of a pixel; statistics and gradient sums
// go through partial results per band of pixels, merged per channel in a fixed tree.
#include "kernels/instance_norm.h"

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

constexpr int64_t kPixels = 32;  // summed in float before double takes over

int64_t band_pixels(const View& v) {
  return std::max<int64_t>(kPixels, pixel_grain(v.cs, 32768) / kPixels * kPixels);
}

// Mean and sum of squared deviations of the pixels seen so far (Chan et al.), per channel.
void merge_chunk(int cs, int64_t before, int64_t added, const float* first, const float* sums,
                 double* mean, double* m2) {
  const double n = static_cast<double>(added), total = static_cast<double>(before + added);
  for (int c = 0; c < cs; ++c) {
    const double s1 = sums[c], s2 = sums[cs + c];
    const double delta = first[c] + s1 / n - mean[c];
    mean[c] += delta * (n / total);
    m2[c] += s2 - s1 * s1 / n + delta * delta * (static_cast<double>(before) * n / total);
  }
}

// One band: chunks are summed around their own first pixel, so nothing cancels.
void band_statistics(const View& v, const float* x, int64_t pixels, float* sums, double* mean,
                     double* m2) {
  const int cs = v.cs;
  std::fill_n(mean, cs, 0.0);
  std::fill_n(m2, cs, 0.0);
  for (int64_t p0 = 0; p0 < pixels; p0 += kPixels) {
    const int64_t end = std::min(pixels, p0 + kPixels);
    const float* first = x + p0 * cs;
    std::fill_n(sums, 2 * cs, 0.0f);
    for (int64_t p = p0 + 1; p < end; ++p)
      for (int c = 0; c < cs; ++c) {
        const float d = x[p * cs + c] - first[c];
        sums[c] += d;
        sums[cs + c] = std::fma(d, d, sums[cs + c]);
      }
    merge_chunk(cs, p0, end - p0, first, sums, mean, m2);
  }
}

// mean, var [n, c] from all bands.
void statistics(Exec& e, const View& v, const float* x, float* mean, float* var) {
  Workspace::Scope scope(*e.workspace);
  const int64_t band = band_pixels(v), bands = (v.plane() + band - 1) / band;
  double* partial = e.workspace->take<double>(v.n * bands * 2 * v.cs);
  float* sums = e.workspace->take<float>(v.n * bands * 2 * v.cs);
  e.pool->run(v.n * bands, [&](int64_t task, int) {
    const int64_t n = task / bands, b = task % bands;
    double* out = partial + task * 2 * v.cs;
    band_statistics(v, x + n * v.image() + b * band * v.cs, std::min(band, v.plane() - b * band),
                    sums + task * 2 * v.cs, out, out + v.cs);
  });
  for (int64_t i = 0; i < static_cast<int64_t>(v.n) * v.c; ++i) {
    double* first = partial + i / v.c * bands * 2 * v.cs + i % v.c;
    double m = first[0], m2 = first[v.cs];
    for (int64_t b = 1; b < bands; ++b) {
      const double* p = first + b * 2 * v.cs;
      const double before = static_cast<double>(b * band);
      const double added = static_cast<double>(std::min(band, v.plane() - b * band)),
                   total = before + added;
      const double delta = p[0] - m;
      m += delta * (added / total);
      m2 += p[v.cs] + delta * delta * (before * added / total);
    }
    mean[i] = static_cast<float>(m);
    var[i] = static_cast<float>(m2 / static_cast<double>(v.plane()));
  }
}

// Per image and channel: normalised z = (x - mean) * scale + shift, zero on padding lanes.
struct Coefficients {
  float *mean, *scale, *shift, *inv;  // cs floats per image
};

Coefficients coefficients(Exec& e, const View& v, float eps, const float* gamma, const float* beta,
                          const float* mean, const float* var) {
  const int64_t size = static_cast<int64_t>(v.n) * v.cs;
  Coefficients k = {e.workspace->take<float>(size), e.workspace->take<float>(size),
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

template <class F>
void with_activation(Activation a, F&& f) {
  switch (a) {
    case Activation::none: return f.template operator()<Activation::none>();
    case Activation::relu: return f.template operator()<Activation::relu>();
    case Activation::leaky_relu: return f.template operator()<Activation::leaky_relu>();
    case Activation::tanh: return f.template operator()<Activation::tanh>();
    case Activation::sigmoid: return f.template operator()<Activation::sigmoid>();
  }
}

// Runs f.operator()<activation, quantized>() on each band: (image, first element, elements'
// pixels).
template <class F>
void each_band(Exec& e, const View& v, F&& f) {
  const int64_t band = band_pixels(v), bands = (v.plane() + band - 1) / band;
  e.pool->run(v.n * bands, [&](int64_t task, int) {
    const int64_t n = task / bands, b = task % bands;
    f(task, n, (n * v.plane() + b * band) * v.cs, std::min(band, v.plane() - b * band));
  });
}

void forward(Exec& e, const View& v, const NormEpilogue& o, const InstanceNormForward& t) {
  Workspace::Scope scope(*e.workspace);
  statistics(e, v, t.x, t.mean, t.var);
  const Coefficients k = coefficients(e, v, o.eps, t.gamma, t.beta, t.mean, t.var);
  with_activation(o.activation, [&]<Activation A>() {
    each_band(e, v, [&](int64_t, int64_t n, int64_t at, int64_t pixels) {
      const float *mean = k.mean + n * v.cs, *scale = k.scale + n * v.cs,
                  *shift = k.shift + n * v.cs;
      for (int64_t p = 0; p < pixels; ++p, at += v.cs) {
        for (int c = 0; c < v.cs; ++c) {
          float z =
              scalar::activate<A>(std::fma(t.x[at + c] - mean[c], scale[c], shift[c]), o.slope);
          if (o.quantized) z = scalar::quantize(z, o.quantizer);
          t.y[at + c] = t.residual ? z + t.residual[at + c] : z;
        }
        for (int c = v.c; c < v.cs; ++c) t.y[at + c] = 0;  // sigmoid(0) is not 0
      }
    });
  });
}

// The gradient with respect to z, the normalised value before activation and quantiser.
template <Activation A>
float through_epilogue(const NormEpilogue& o, float z, float g) {
  const float a = scalar::activate<A>(z, o.slope);
  if (o.quantized) g *= scalar::quantize_slope(a, o.quantizer);
  return g * scalar::activate_slope<A>(z, a, o.slope);
}

struct GradientSums {
  double *g, *gx;  // per image: cs sums of gz and of gz * (x - mean) / sqrt(var + eps)
};

GradientSums gradient_sums(Exec& e, const View& v, const NormEpilogue& o,
                           const InstanceNormBackward& t, const Coefficients& k) {
  const int64_t band = band_pixels(v), bands = (v.plane() + band - 1) / band;
  double* partial = e.workspace->take<double>(v.n * bands * 2 * v.cs);
  float* sums = e.workspace->take<float>(v.n * bands * 2 * v.cs);
  with_activation(o.activation, [&]<Activation A>() {
    each_band(e, v, [&](int64_t task, int64_t n, int64_t at, int64_t pixels) {
      const float *mean = k.mean + n * v.cs, *scale = k.scale + n * v.cs,
                  *shift = k.shift + n * v.cs;
      double* d = partial + task * 2 * v.cs;
      float* s = sums + task * 2 * v.cs;
      std::fill_n(d, 2 * v.cs, 0.0);
      for (int64_t p0 = 0; p0 < pixels; p0 += kPixels) {
        std::fill_n(s, 2 * v.cs, 0.0f);
        for (int64_t p = p0; p < std::min(pixels, p0 + kPixels); ++p, at += v.cs)
          for (int c = 0; c < v.cs; ++c) {
            const float centred = t.x[at + c] - mean[c];
            const float g =
                through_epilogue<A>(o, std::fma(centred, scale[c], shift[c]), t.gy[at + c]);
            s[c] += g;
            s[v.cs + c] = std::fma(g, centred, s[v.cs + c]);
          }
        for (int c = 0; c < 2 * v.cs; ++c) d[c] += s[c];
      }
    });
  });
  GradientSums out = {e.workspace->take<double>(static_cast<int64_t>(v.n) * v.cs),
                      e.workspace->take<double>(static_cast<int64_t>(v.n) * v.cs)};
  for (int64_t i = 0; i < static_cast<int64_t>(v.n) * v.cs; ++i) {
    double* first = partial + i / v.cs * bands * 2 * v.cs + i % v.cs;
    out.g[i] = tree_sum(first, bands, 2 * v.cs);
    out.gx[i] = tree_sum(first + v.cs, bands, 2 * v.cs) * k.inv[i];
  }
  return out;
}

// gx = scale * (gz - mean(gz) - xhat * mean(gz * xhat))
void input_gradient(Exec& e, const View& v, const NormEpilogue& o, const InstanceNormBackward& t,
                    const Coefficients& k, const GradientSums& sums) {
  const int64_t size = static_cast<int64_t>(v.n) * v.cs;
  float* mean_g = e.workspace->take<float>(size);
  float* slope_g = e.workspace->take<float>(size);  // inv * mean(gz * xhat): multiplies x - mean
  for (int64_t i = 0; i < size; ++i) {
    mean_g[i] = static_cast<float>(sums.g[i] / static_cast<double>(v.plane()));
    slope_g[i] = static_cast<float>(sums.gx[i] * k.inv[i] / static_cast<double>(v.plane()));
  }
  with_activation(o.activation, [&]<Activation A>() {
    each_band(e, v, [&](int64_t, int64_t n, int64_t at, int64_t pixels) {
      const float *mean = k.mean + n * v.cs, *scale = k.scale + n * v.cs,
                  *shift = k.shift + n * v.cs;
      const float *mg = mean_g + n * v.cs, *sg = slope_g + n * v.cs;
      for (int64_t p = 0; p < pixels; ++p, at += v.cs)
        for (int c = 0; c < v.cs; ++c) {
          const float centred = t.x[at + c] - mean[c];
          const float g =
              through_epilogue<A>(o, std::fma(centred, scale[c], shift[c]), t.gy[at + c]);
          t.gx[at + c] = scale[c] * std::fma(-sg[c], centred, g - mg[c]);
        }
    });
  });
}

void backward(Exec& e, const View& v, const NormEpilogue& o, const InstanceNormBackward& t) {
  Workspace::Scope scope(*e.workspace);
  const Coefficients k = coefficients(e, v, o.eps, t.gamma, t.beta, t.mean, t.var);
  const GradientSums sums = gradient_sums(e, v, o, t, k);
  if (t.gx) input_gradient(e, v, o, t, k, sums);
  for (int c = 0; c < v.c; ++c) {  // last: tree_sum overwrites the sums
    if (t.ggamma)
      t.ggamma[c] = (t.accumulate_gamma ? t.ggamma[c] : 0.0f) +
                    static_cast<float>(tree_sum(sums.gx + c, v.n, v.cs));
    if (t.gbeta)
      t.gbeta[c] = (t.accumulate_beta ? t.gbeta[c] : 0.0f) +
                   static_cast<float>(tree_sum(sums.g + c, v.n, v.cs));
  }
}

const InstanceNormKernels& table() {
  static constexpr InstanceNormKernels kTable = {forward, backward};
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
const InstanceNormKernels& best() { return HWY_DYNAMIC_DISPATCH(table)(); }
template <auto entry>
constexpr auto kBest = Dispatch<entry, best>::call;
}  // namespace

const InstanceNormKernels cpu_instance_norm = {kBest<&InstanceNormKernels::forward>,
                                               kBest<&InstanceNormKernels::backward>};

}  // namespace gsx::kernels
#endif
