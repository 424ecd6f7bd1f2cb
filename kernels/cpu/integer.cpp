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

constexpr int kLanes = 8;  // channels per task of a norm

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
uint64_t taps_inside(const ConvShape& s, int p, int taps, int before, int size) {
  uint64_t mask = 0;
  for (int t = 0; t < taps; ++t) {
    bool inside = s.pad_mode == PadMode::reflect;
    if (s.transposed) {
      const int from = p + before - t;
      inside = from >= 0 && from % s.stride == 0 && from / s.stride < size;
    } else if (!inside) {
      const int from = p * s.stride - before + t;
      inside = from >= 0 && from < size;
    }
    if (inside) mask |= uint64_t{1} << t;
  }
  return mask;
}

void add_taps(Exec& e, const ConvShape& s, int taps, const int32_t* t, int32_t* y) {
  const View out = s.y();
  std::vector<uint64_t> rows(out.h, 1), columns(out.w, 1);
  const int r = taps == 1 ? 1 : s.w.r, c = taps == 1 ? 1 : s.w.s;
  if (taps > 1) {
    for (int p = 0; p < out.h; ++p) rows[p] = taps_inside(s, p, r, s.top, s.x.h);
    for (int q = 0; q < out.w; ++q) columns[q] = taps_inside(s, q, c, s.left, s.x.w);
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

// The exact sum and sum of squares of kLanes channels of one image. |x| < 2^30, so 8 squares fit.
struct Sums {
  int64_t sum[kLanes] = {};
  __int128 squares[kLanes] = {};
};

Sums add_up(const View& v, const int32_t* x, int lanes) {
  Sums total;
  constexpr int64_t kChunk = 8;
  for (int64_t begin = 0; begin < v.plane(); begin += kChunk) {
    const int64_t end = std::min(begin + kChunk, v.plane());
    int64_t squares[kLanes] = {};
    for (int64_t i = begin; i < end; ++i) {
      const int32_t* pixel = x + i * v.cs;
      for (int k = 0; k < lanes; ++k) {
        total.sum[k] += pixel[k];
        squares[k] += int64_t{pixel[k]} * pixel[k];
      }
    }
    for (int k = 0; k < lanes; ++k) total.squares[k] += squares[k];
  }
  return total;
}

struct ScaleShift {
  int32_t middle[kLanes];
  float a[kLanes], b[kLanes];
};

ScaleShift finish(const Sums& total, int64_t pixels, int lanes, const float* scale,
                  const float* gamma, const float* beta, float eps) {
  ScaleShift result{};
  const auto count = static_cast<double>(pixels);
  for (int k = 0; k < lanes; ++k) {
    // round(sum / pixels), halves upwards
    const int64_t twice = 2 * total.sum[k] + pixels;
    const int64_t m = twice / (2 * pixels) - (twice % (2 * pixels) < 0 ? 1 : 0);
    const int64_t rest = total.sum[k] - m * pixels;
    const __int128 spread = total.squares[k] * pixels -
                            static_cast<__int128>(total.sum[k]) * total.sum[k];  // var * pixels^2
    const double var = static_cast<double>(spread) / count / count;
    const double s = scale[k];
    const double slope = (gamma ? gamma[k] : 1.0) * s / std::sqrt(var * s * s + double{eps});
    result.middle[k] = static_cast<int32_t>(m);
    result.a[k] = static_cast<float>(slope);
    result.b[k] =
        static_cast<float>((beta ? beta[k] : 0.0) - slope * (static_cast<double>(rest) / count));
  }
  return result;
}

void instance_norm(Exec& e, const View& v, const int32_t* x, const float* scale, const float* gamma,
                   const float* beta, float eps, float* y) {
  const int groups = (v.cs + kLanes - 1) / kLanes;
  e.pool->run(int64_t{v.n} * groups, [&](int64_t task, int) {
    const int first = static_cast<int>(task % groups) * kLanes;
    const int64_t at = task / groups * v.image() + first;
    const int lanes = std::min(kLanes, v.c - first), width = std::min(kLanes, v.cs - first);
    const Sums total = add_up(v, x + at, lanes);
    const ScaleShift f = finish(total, v.plane(), lanes, scale + first,
                                gamma ? gamma + first : gamma, beta ? beta + first : beta, eps);
    for (int64_t i = at, end = at + v.image(); i < end; i += v.cs) {
      for (int k = 0; k < width; ++k) {
        y[i + k] = std::fma(static_cast<float>(x[i + k] - f.middle[k]), f.a[k], f.b[k]);
      }
    }
  });
}

const IntegerKernels& table() {
  static constexpr IntegerKernels kTable = {to_codes, codes_to_float, sums_to_float, add_taps,
                                            instance_norm};
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
    kBest<&IntegerKernels::to_codes>, kBest<&IntegerKernels::codes_to_float>,
    kBest<&IntegerKernels::sums_to_float>, kBest<&IntegerKernels::add_taps>,
    kBest<&IntegerKernels::instance_norm>};

}  // namespace gsx::kernels
#endif
