// Steps of the integer program on the CPU. Loops the compiler vectorises; exact integer sums, so
// any cutting into tasks gives the same bits.
#include "kernels/integer.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "kernels/cpu/parallel.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/integer.cpp"
#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/simd.h"
// Highway comes after the choice of targets.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace gsx::kernels {
namespace HWY_NAMESPACE {
namespace {

constexpr int kLanes = 8;         // channels a norm adds up in registers
constexpr int64_t kChunk = 8192;  // elements per task of a norm, which stay in the cache

void to_codes(Exec& e, int64_t n, const float* x, const Quantizer& q, int16_t* y) {
  e.pool->for_ranges(n, kElementGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      y[i] = static_cast<int16_t>(static_cast<int32_t>(scalar::quantize_code(x[i], q)));
    }
  });
}

void codes_to_float(Exec& e, int64_t n, const int16_t* x, float scale, float* y) {
  e.pool->for_ranges(n, kElementGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) y[i] = static_cast<float>(x[i]) * scale;
  });
}

void sums_to_float(Exec& e, const View& v, const int32_t* x, const float* scale, const float* bias,
                   float* y) {
  std::vector<float> a(v.cs, 0.0f), b(v.cs, 0.0f);
  std::copy(scale, scale + v.c, a.begin());
  if (bias) std::copy(bias, bias + v.c, b.begin());
  e.pool->run(int64_t{v.n} * v.h, [&](int64_t row, int) {
    const int64_t begin = row * v.w * v.cs;
    for (int64_t i = begin; i < begin + int64_t{v.w} * v.cs; i += v.cs) {
      for (int k = 0; k < v.cs; ++k) {
        y[i + k] = std::fma(static_cast<float>(x[i + k]), a[k], b[k]);
      }
    }
  });
}

// Which taps of one axis fall inside for output position p, as bits.
uint64_t taps_inside(const ConvShape& s, int p, int taps, int before, int size, int stride,
                     int dilation) {
  uint64_t mask = 0;
  for (int t = 0; t < taps; ++t) {
    bool inside = s.pad_mode != PadMode::zero;
    if (s.transposed) {
      const int from = p + before - t * dilation;
      inside = from >= 0 && from % stride == 0 && from / stride < size;
    } else if (!inside) {
      const int from = p * stride - before + t * dilation;
      inside = from >= 0 && from < size;
    }
    if (inside) mask |= uint64_t{1} << t;
  }
  return mask;
}

void add_taps(Exec& e, const ConvShape& s, TapBias kind, const int32_t* t, int32_t* y) {
  const View out = s.y();
  std::vector<uint64_t> rows(out.h, 1), columns(out.w, 1);
  const bool per_tap = kind == TapBias::per_tap;
  const int r = per_tap ? s.w.r : 1, c = per_tap ? s.w.s : 1;
  if (per_tap) {
    for (int p = 0; p < out.h; ++p)
      rows[p] = taps_inside(s, p, r, s.top, s.x.h, s.stride.y, s.dilation.y);
    for (int q = 0; q < out.w; ++q)
      columns[q] = taps_inside(s, q, c, s.left, s.x.w, s.stride.x, s.dilation.x);
  }
  // Few pairs of masks occur: one sum per channel for each of them.
  std::map<std::pair<uint64_t, uint64_t>, std::vector<int32_t>> sums;
  for (const uint64_t row : rows) {
    for (const uint64_t column : columns) {
      auto [found, fresh] = sums.try_emplace({row, column}, out.cs, 0);
      if (!fresh) continue;
      for (int k = 0; k < out.c; ++k) {
        for (int i = 0; i < r; ++i) {
          for (int j = 0; j < c; ++j) {
            if ((row >> i & 1) && (column >> j & 1)) found->second[k] += t[(k * r + i) * c + j];
          }
        }
      }
    }
  }
  e.pool->run(int64_t{out.n} * out.h, [&](int64_t task, int) {
    const int p = static_cast<int>(task % out.h);
    int32_t* to = y + out.offset(static_cast<int>(task / out.h), p, 0);
    for (int q = 0; q < out.w; ++q, to += out.cs) {
      const int32_t* add = sums.find({rows[p], columns[q]})->second.data();
      for (int k = 0; k < out.cs; ++k) to[k] += add[k];
    }
  });
}

// Exact sums over some pixels of kLanes channels: of the values, and of the low and high 32 bits of
// their squares, so that nothing overflows.
struct Sums {
  int64_t values[kLanes] = {};
  uint64_t low[kLanes] = {}, high[kLanes] = {};

  void add(int lane, int32_t v) {
    const auto square = static_cast<uint64_t>(int64_t{v} * v);
    values[lane] += v;
    low[lane] += square & 0xffffffffu;
    high[lane] += square >> 32;
  }
  void add(const Sums& other) {
    for (int k = 0; k < kLanes; ++k) {
      values[k] += other.values[k];
      low[k] += other.low[k];
      high[k] += other.high[k];
    }
  }
};

void add_up(int64_t pixels, int64_t cs, int width, const int32_t* x, Sums& total) {
  Sums sums;
  if (width == kLanes) {
    for (int64_t i = 0; i < pixels; ++i) {
      for (int k = 0; k < kLanes; ++k) sums.add(k, x[i * cs + k]);
    }
  } else {
    for (int64_t i = 0; i < pixels; ++i) {
      for (int k = 0; k < width; ++k) sums.add(k, x[i * cs + k]);
    }
  }
  total = sums;
}

// What a channel is normalised by: fma(x - middle, a, b).
struct ScaleShift {
  int32_t middle;
  float a, b;
};

ScaleShift finish(const Sums& total, int lane, int64_t pixels, float scale, float gamma, float beta,
                  float eps) {
  const auto count = static_cast<double>(pixels);
  const int64_t sum = total.values[lane];
  const __int128 squares = (static_cast<__int128>(total.high[lane]) << 32) + total.low[lane];
  // round(sum / pixels), halves upwards
  const int64_t twice = 2 * sum + pixels;
  const int64_t middle = twice / (2 * pixels) - (twice % (2 * pixels) < 0 ? 1 : 0);
  const int64_t rest = sum - middle * pixels;
  const __int128 spread = squares * pixels - static_cast<__int128>(sum) * sum;  // var * pixels^2
  const double var = static_cast<double>(spread) / count / count;
  const double s = scale;
  const double slope = gamma * s / std::sqrt(var * s * s + double{eps});
  const double shift = beta - slope * (static_cast<double>(rest) / count);
  return {static_cast<int32_t>(middle), static_cast<float>(slope), static_cast<float>(shift)};
}

void instance_norm(Exec& e, const View& v, const int32_t* x, const float* scale, const float* gamma,
                   const float* beta, float eps, float* y) {
  const int groups = (v.cs + kLanes - 1) / kLanes;
  const int64_t grain = pixel_grain(v.cs, kChunk), chunks = (v.plane() + grain - 1) / grain;
  Workspace::Scope scope(*e.workspace);
  Sums* sums = e.workspace->take<Sums>(v.n * chunks * groups);
  const auto each_chunk = [&](auto&& f) {  // f(chunk of all images, first element, pixels)
    e.pool->run(v.n * chunks, [&](int64_t task, int) {
      const int64_t first = task % chunks * grain;
      f(task, task / chunks * v.image() + first * v.cs, std::min(grain, v.plane() - first));
    });
  };
  each_chunk([&](int64_t chunk, int64_t at, int64_t pixels) {
    for (int g = 0; g < groups; ++g) {
      add_up(pixels, v.cs, std::min(kLanes, v.cs - g * kLanes), x + at + g * kLanes,
             sums[chunk * groups + g]);
    }
  });
  auto* middle = e.workspace->take<int32_t>(int64_t{v.n} * v.cs);
  auto* a = e.workspace->take<float>(int64_t{v.n} * v.cs);
  auto* b = e.workspace->take<float>(int64_t{v.n} * v.cs);
  for (int64_t n = 0; n < v.n; ++n) {
    Sums* own = sums + n * chunks * groups;
    for (int64_t i = groups; i < chunks * groups; ++i) own[i % groups].add(own[i]);
    for (int k = 0; k < v.cs; ++k) {
      ScaleShift f{0, 0, 0};
      if (k < v.c) {
        f = finish(own[k / kLanes], k % kLanes, v.plane(), scale[k], gamma ? gamma[k] : 1.0f,
                   beta ? beta[k] : 0.0f, eps);
      }
      middle[n * v.cs + k] = f.middle;
      a[n * v.cs + k] = f.a;
      b[n * v.cs + k] = f.b;
    }
  }
  each_chunk([&](int64_t chunk, int64_t at, int64_t pixels) {
    const int64_t image = chunk / chunks * v.cs;
    for (int64_t i = at; i < at + pixels * v.cs; i += v.cs) {
      for (int64_t k = 0; k < v.cs; ++k) {
        y[i + k] =
            std::fma(static_cast<float>(x[i + k] - middle[image + k]), a[image + k], b[image + k]);
      }
    }
  });
}

int8_t weight_byte(float w, float step) {
  const float code = scalar::clamp(scalar::weight_code(w, step), -127.0f, 127.0f);
  return static_cast<int8_t>(static_cast<int32_t>(code));
}

// n weights of one step, and of a step each.
void codes_of_row(int64_t n, float step, const float* HWY_RESTRICT w, int8_t* HWY_RESTRICT codes) {
  for (int64_t i = 0; i < n; ++i) codes[i] = weight_byte(w[i], step);
}
void codes_of_row(int64_t n, const float* HWY_RESTRICT steps, const float* HWY_RESTRICT w,
                  int8_t* HWY_RESTRICT codes) {
  for (int64_t i = 0; i < n; ++i) codes[i] = weight_byte(w[i], steps[i]);
}

void weight_codes(Exec& e, const ChannelBlocks& b, bool per_channel, const float* w,
                  const float* scales, int8_t* codes) {
  const int64_t block = b.ks * b.inner, counted = b.k * b.inner;
  e.pool->for_ranges(b.outer, pixel_grain(block), [&](int64_t begin, int64_t end) {
    for (int64_t at = begin * block; at < end * block; at += block) {
      if (!per_channel) {
        codes_of_row(counted, scales[0], w + at, codes + at);
      } else if (b.inner == 1) {
        codes_of_row(b.k, scales, w + at, codes + at);
      } else {
        for (int64_t k = 0; k < b.k; ++k)
          codes_of_row(b.inner, scales[k], w + at + k * b.inner, codes + at + k * b.inner);
      }
      std::fill(codes + at + counted, codes + at + block, int8_t{0});
    }
  });
}

const IntegerKernels& table() {
  static constexpr IntegerKernels kTable = {to_codes, codes_to_float, sums_to_float,
                                            add_taps, instance_norm,  weight_codes};
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
const IntegerKernels& best() { return HWY_DYNAMIC_DISPATCH(table)(); }
template <auto entry>
constexpr auto kBest = Dispatch<entry, best>::call;
}  // namespace

const IntegerKernels cpu_integer = {
    kBest<&IntegerKernels::to_codes>,      kBest<&IntegerKernels::codes_to_float>,
    kBest<&IntegerKernels::sums_to_float>, kBest<&IntegerKernels::add_taps>,
    kBest<&IntegerKernels::instance_norm>, kBest<&IntegerKernels::weight_codes>};

}  // namespace gsx::kernels
#endif
